"""The life of a recovery by identity as a pure state machine: what may follow what, and what its person may do meanwhile."""

from dataclasses import dataclass, replace
from enum import StrEnum

from idp.core import lifetimes

STARTED_LIFE = lifetimes.RECOVERY_STARTED.seconds
READY_LIFE = lifetimes.RECOVERY_READY.seconds
VETO_LIFE = lifetimes.VETO.seconds


class State(StrEnum):
    """Where a recovery stands. The last four are ends; out of FINAL and DISPUTED a veto or officers still lead."""

    STARTED = "started"  # the three facts matched; nothing has changed
    PROVISIONAL = "provisional"  # new contacts and password work, with lowered power
    WAITING = "waiting"  # nothing has changed, the old credentials work; nobody gets in by this recovery yet
    READY = "ready"  # it has waited, or was affirmed: a new code completes it
    FINAL = "final"  # the account is the recoverer's, with full power
    DISPUTED = "frozen_for_officer"  # a veto came after the end: nobody gets in until officers decide
    VETOED = "vetoed"  # undone
    CANCELLED = "cancelled"  # withdrawn by whoever began it
    EXPIRED = "expired"  # never completed


class Act(StrEnum):
    """What happens to a recovery."""

    PROVISION = "provision"  # code right, risk low or middling
    WAIT = "wait"  # code right, risk high
    CODE = "code"  # the new code after the wait
    CANCEL = "cancel"  # by the browser that began it
    VETO = "veto"  # an old contact or credential says no
    AFFIRM = "affirm"  # an old contact or credential says yes
    APPROVE = "approve"  # two officers say yes
    UNDO = "undo"  # two officers say no


OPEN = frozenset({State.PROVISIONAL, State.WAITING, State.READY})

NEXT: dict[tuple[State, Act], State] = {
    (State.STARTED, Act.PROVISION): State.PROVISIONAL,
    (State.STARTED, Act.WAIT): State.WAITING,
    (State.STARTED, Act.CANCEL): State.CANCELLED,
    (State.STARTED, Act.VETO): State.VETOED,
    (State.PROVISIONAL, Act.VETO): State.VETOED,
    (State.PROVISIONAL, Act.AFFIRM): State.FINAL,
    (State.PROVISIONAL, Act.APPROVE): State.FINAL,
    (State.WAITING, Act.VETO): State.VETOED,
    (State.WAITING, Act.AFFIRM): State.READY,
    (State.WAITING, Act.APPROVE): State.READY,
    (State.WAITING, Act.CANCEL): State.CANCELLED,
    (State.READY, Act.CODE): State.FINAL,
    (State.READY, Act.VETO): State.VETOED,
    (State.READY, Act.CANCEL): State.CANCELLED,
    (State.FINAL, Act.VETO): State.DISPUTED,
    (State.PROVISIONAL, Act.UNDO): State.VETOED,
    (State.WAITING, Act.UNDO): State.VETOED,
    (State.READY, Act.UNDO): State.VETOED,
    (State.FINAL, Act.UNDO): State.VETOED,
    (State.DISPUTED, Act.APPROVE): State.FINAL,
    (State.DISPUTED, Act.UNDO): State.VETOED,
}


class ImpossibleAct(Exception):
    """This act cannot follow where the recovery stands; `state` says where that is."""

    def __init__(self, state: State) -> None:
        super().__init__(state.value)
        self.state = state


@dataclass(frozen=True, slots=True)
class Case:
    """A recovery's standing. `until` (epoch seconds) is when the state ends by itself, 0 for never.

    `alone` is whether a recovery that has waited may be completed by its person; else only officers let it go on.
    """

    state: State
    started_at: int
    until: int = 0
    self_service: bool = True


def started_case(now: int) -> Case:
    """The case that begins when the three facts have matched."""
    return Case(State.STARTED, now, now + STARTED_LIFE)


def case_at(case: Case, now: int) -> Case:
    """The same a while later: states end by time alone, whether or not anybody has written that down yet."""
    if not case.until or now < case.until:
        return case
    if case.state is State.PROVISIONAL:
        return replace(case, state=State.FINAL, until=0)
    if case.state is State.WAITING and case.self_service:
        return case_at(replace(case, state=State.READY, until=case.until + READY_LIFE), now)
    if case.state in (State.STARTED, State.READY):
        return replace(case, state=State.EXPIRED, until=0)
    return case


def next_case(case: Case, act: Act, now: int, stays: int = 0) -> Case:
    """Where the recovery stands after this act; `stays` is how long (seconds) a new PROVISIONAL or WAITING lasts.

    Raises Impossible. Time goes first: a veto that comes when probation is over meets a FINAL recovery.
    """
    present = case_at(case, now)
    to = NEXT.get((present.state, act))
    if to is None or (present.state is State.FINAL and not may_veto(present, now)):
        raise ImpossibleAct(present.state)
    until = {State.PROVISIONAL: now + stays, State.WAITING: now + stays, State.READY: now + READY_LIFE}.get(to, 0)
    return replace(present, state=to, until=until)


def possible_acts(case: Case, now: int) -> frozenset[Act]:
    """Every act that may follow now."""
    state = case_at(case, now).state
    return frozenset(act for seen, act in NEXT if seen is state and (state is not State.FINAL or may_veto(case, now)))


def may_veto(case: Case, now: int) -> bool:
    """Whether it can still be undone: 30 days from the start, which is how long old contacts are kept; always while open."""
    return now < case.started_at + VETO_LIFE or case.state in OPEN
