"""Runs seeds, and tells of one that fails: the seed, what was violated, and the shortest history that shows it."""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from tests.conftest import House
from tests.simulation.beginning import settle_people
from tests.simulation.failover import redises
from tests.simulation.history import History
from tests.simulation.house import SimulatedHouse
from tests.simulation.plan import Plan, plan, shortened

CRITICAL = 50


class SeedFailed(AssertionError):
    """A seed whose history shows something that must never be; it says how to repeat it."""


@contextmanager
def simulated(house: House) -> Iterator[SimulatedHouse]:
    """The application over the stores of a house, with people who have accounts; quiet, since faults are expected here."""
    known = structlog.get_config()
    with redises(house.stores.var / "r") as servers:
        found = SimulatedHouse(house, servers)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
        try:
            settle_people(found)
            yield found
        finally:
            structlog.configure(**known)
            found.close()


def run(house: SimulatedHouse, seed: int, tally: Counter[str]) -> None:
    """Plays the history of a seed; raises SeedFailed."""
    history = played(house, plan(seed), tally)
    if history.failure is None:
        return
    what = type(history.failure).__name__
    short = shortened(history.plan, lambda other: type(played(house, other, Counter()).failure).__name__ == what)
    told = played(house, short, Counter())
    raise SeedFailed(report(seed, told if told.failure is not None else history))


def played(house: SimulatedHouse, chosen: Plan, tally: Counter[str]) -> History:
    """The history after it was played, with what went wrong, if anything did."""
    history = History(house, chosen, tally)
    try:
        history.plays()
    except Exception as failure:  # whatever it is: nothing of the application's may come as far as here
        history.failure = failure
    tally["histories"] += 1
    return history


def report(seed: int, history: History) -> str:
    """What people read of a seed that failed."""
    failure = history.failure
    lines = [f"seed {seed}: {type(failure).__name__}: {failure}", f"quiet for {history.plan.quiet} s, then:", *history.trace]
    lines += ["(and in the next step it was seen)", f"To repeat it: make simulate SEED={seed}"]
    where = traceback.format_exception(failure)[-3:] if failure is not None else []
    return "\n".join(lines) + "\n" + "".join(where)
