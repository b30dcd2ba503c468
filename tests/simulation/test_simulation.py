"""Eighty seeds of the simulation: whatever happens in whatever order, nothing of before a change counts after it.

`make simulate` runs it without end, and `make simulate SEED=n` repeats a seed that has failed.
"""

from collections import Counter

import pytest

from idp import accounts
from tests import stores
from tests.simulation.deeds import DEEDS
from tests.simulation.faults import KINDS
from tests.simulation.plan import plan
from tests.simulation.run import SeedFailed, played, run, simulated

# Each batch is a test of its own, so that workers share them; a batch has the same seeds for ever.
BATCHES, SEEDS, ON_POSTGRESQL = 3, 25, 5


@pytest.fixture(scope="module")
def simulation(houses):
    """The application, SQLite and three embedded Redis servers that stand in for one another."""
    with simulated(houses(stores.LITTLE)) as found:
        yield found


@pytest.fixture(scope="module")
def large(houses):
    """The same with PostgreSQL."""
    with simulated(houses(stores.LARGE)) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_seed_holds(simulation, batch):
    """S1, S6 to S12: nothing of before counts, nothing acknowledged is lost, each code is good once, everybody is told."""
    tally: Counter[str] = Counter()
    for seed in range(batch * SEEDS, (batch + 1) * SEEDS):
        run(simulation, seed, tally)
    assert tally["histories"] == SEEDS
    assert sum(tally[f"{name}: done"] for name in DEEDS) > 2 * SEEDS, "a simulation in which little is done shows little"
    assert sum(tally[f"fault: {kind}"] for kind in KINDS) > SEEDS // 2
    assert any(what.startswith("alive at the end") for what in tally)


@pytest.mark.slow
def test_every_seed_holds_on_postgresql(large):
    """The same."""
    tally: Counter[str] = Counter()
    for seed in range(10**6, 10**6 + ON_POSTGRESQL):
        run(large, seed, tally)
    assert tally["histories"] == ON_POSTGRESQL


@pytest.mark.slow
def test_a_seed_repeats_exactly(simulation):
    """The same deeds, the same faults, the same outcomes, though every secret in it is another one."""
    seeds = (3, 7)
    once, again = ([played(simulation, plan(seed), Counter()).trace for seed in seeds] for _ in range(2))
    assert once == again
    assert all(once)


@pytest.mark.slow
def test_a_seed_that_fails_tells_itself_and_the_shortest_history(simulation, monkeypatch):
    """S1: without the guard that a new password stands on what was proved in this generation, a seed fails, and says so."""
    guarded = accounts.set_password_hash
    monkeypatch.setattr(accounts, "set_password_hash", lambda account, hashed, proved=None: guarded(account, hashed))
    with pytest.raises(SeedFailed, match=r"(?s)seed (\d+): Violation: .*recovers by a contact.*make simulate SEED=\1") as failed:
        for seed in range(BATCHES * SEEDS):
            run(simulation, seed, Counter())
    assert len(str(failed.value).splitlines()) < 20, "the shortest history, not the whole one"
