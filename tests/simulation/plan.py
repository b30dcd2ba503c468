"""What a seed means: the deeds of a history in their order, the time between them, and the faults that strike them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.simulation import faults
from tests.simulation.deeds import DEEDS
from tests.simulation.faults import Fault

DAY = 86400
STEPS = (4, 8)
WAITS = (0, 0, 0, 1, 1, 5, 20, 61, 61, 600, 3600)
QUIET = (61, 61, DAY, 31 * DAY, 31 * DAY, 200 * DAY)
FAULT = 0.35
FAULTS = {
    faults.DIES: 5,
    faults.MEANWHILE: 6,
    faults.ROLLED_BACK: 5,
    faults.UNANSWERED: 2,
    faults.SQL_REFUSES: 2,
    faults.REDIS_REFUSES: 2,
    faults.LOST: 1,
}


@dataclass(frozen=True)
class Step:
    """A deed, `wait` seconds after the one before; `draw` decides whatever it leaves open."""

    deed: str
    draw: int
    wait: int = 0
    fault: Fault | None = None
    meanwhile: "Step | None" = None

    def __str__(self) -> str:
        """As the trace says it."""
        after = f"after {self.wait} s " if self.wait else ""
        return f"{after}{self.deed} #{self.draw}" + (f" ({self.fault})" if self.fault else "")


@dataclass(frozen=True)
class Plan:
    """A history: `quiet` is for how many seconds nothing happened before it."""

    seed: int
    quiet: int
    steps: tuple[Step, ...]

    def without(self, dropped: int) -> "Plan":
        """The same without one of its steps."""
        return replace(self, steps=self.steps[:dropped] + self.steps[dropped + 1 :])


def plan(seed: int) -> Plan:
    """The plan of a seed: the same one for ever, on every machine, as long as DEEDS and this file are the same."""
    random = Random(seed)
    quiet = random.choice(QUIET)
    first = Step("signs in", random.randrange(10**6))
    return Plan(seed, quiet, (first, *(_step(random) for _ in range(random.randint(*STEPS)))))


def _step(random: Random) -> Step:
    step = Step(_deed(random), random.randrange(10**6), random.choice(WAITS))
    if random.random() >= FAULT:
        return step
    kind = random.choices(list(FAULTS), list(FAULTS.values()))[0]
    fault = _fault(random, kind)
    meanwhile = Step(_deed(random), random.randrange(10**6)) if kind == faults.MEANWHILE else None
    return replace(step, fault=fault, meanwhile=meanwhile)


def _deed(random: Random) -> str:
    return random.choices(list(DEEDS), [deed.weight for deed in DEEDS.values()])[0]


def _fault(random: Random, kind: str) -> Fault:
    # Around a commit most of what can go wrong goes wrong; elsewhere, anywhere.
    if kind == faults.UNANSWERED or random.random() < 0.6:
        return Fault(
            kind, random.choice((1, 1, 1, 2, 2, 3, 4)), 0 if kind == faults.UNANSWERED else random.choice((0, 0, 1, 2, 3))
        )
    return Fault(kind, 0, random.randint(1, 120))


def shortened(found: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """The plan without every step that it fails without, from the last to the first, and then without needless faults."""
    for number in reversed(range(len(found.steps))):
        if fails(found.without(number)):
            found = found.without(number)
    for number, step in enumerate(found.steps):
        calmer = replace(found, steps=_with(found.steps, number, replace(step, fault=None, meanwhile=None)))
        if step.fault is not None and fails(calmer):
            found = calmer
    return found


def _with(steps: Sequence[Step], number: int, step: Step) -> tuple[Step, ...]:
    return (*steps[:number], step, *steps[number + 1 :])
