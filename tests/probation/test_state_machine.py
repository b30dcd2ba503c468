"""The recovery's state machine: no sequence of acts gives full power to who proved nothing old, before the window is over."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from idp.core.lifetimes import DAY, HOUR
from idp.probation.risk import DURATION_SECONDS, RiskDecision, RiskSignals, assess_risk
from idp.probation.state_machine import (
    NEXT,
    OPEN,
    READY_LIFE,
    STARTED_LIFE,
    VETO_LIFE,
    Act,
    Case,
    ImpossibleAct,
    State,
    case_at,
    next_case,
    started_case,
)

NOW = 1_772_000_000
RECOVERED = {State.PROVISIONAL, State.FINAL}  # states in which the recovery opens something
SHORTEST = min(DURATION_SECONDS.values())
CIRCUMSTANCES = st.builds(RiskSignals, **dict.fromkeys(RiskSignals().to_dict(), st.booleans()))


class Thief(RuleBasedStateMachine):
    """Whoever has the three facts and a phone, an owner who may or may not look, officers, and time."""

    @initialize(self_service=st.booleans())
    def facts_match(self, self_service: bool) -> None:
        self.now = NOW
        self.case = Case(State.STARTED, NOW, NOW + STARTED_LIFE, self_service)
        self.completed: int | None = None  # when the thief's code was right
        self.window = 0
        self.proved = False  # an old credential, contact or two officers said yes
        self.said_no = False

    def does(self, act: Act, stays: int = 0) -> bool:
        try:
            self.case = next_case(self.case, act, self.now, stays)
        except ImpossibleAct:
            return False
        return True

    @rule(seconds=st.sampled_from([1, HOUR - 1, HOUR, 23 * HOUR, 24 * HOUR, 71 * HOUR, 72 * HOUR, 10 * DAY, 31 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(known=CIRCUMSTANCES)
    def the_code_is_right(self, known: RiskSignals) -> None:
        way = assess_risk(known)
        if self.does(Act.WAIT if way is RiskDecision.WAIT else Act.PROVISION, DURATION_SECONDS[way]):
            self.completed, self.window = self.now, DURATION_SECONDS[way]

    @rule()
    def the_new_code_is_right(self) -> None:
        self.does(Act.CODE)

    @rule()
    def the_thief_withdraws(self) -> None:
        self.does(Act.CANCEL)

    @rule()
    def the_owner_says_no(self) -> None:
        self.said_no |= self.does(Act.VETO)

    @rule()
    def an_old_credential_or_contact_says_yes(self) -> None:
        self.proved |= self.does(Act.AFFIRM)

    @rule()
    def two_officers_say_yes(self) -> None:
        self.proved |= self.does(Act.APPROVE)

    @rule()
    def two_officers_undo(self) -> None:
        self.does(Act.UNDO)

    @invariant()
    def full_power_needs_proof_or_the_whole_window(self) -> None:
        if case_at(self.case, self.now).state is not State.FINAL:
            return
        assert self.completed is not None, "without a code there is nothing"
        assert self.proved or self.now >= self.completed + self.window
        assert self.window >= SHORTEST

    @invariant()
    def a_no_is_the_end_unless_officers_say_otherwise(self) -> None:
        if self.said_no and not self.proved:
            assert case_at(self.case, self.now).state not in RECOVERED

    @invariant()
    def time_settles_the_same_whenever_it_is_looked_at(self) -> None:
        present = case_at(self.case, self.now)
        assert case_at(present, self.now) == present
        assert (
            present.state not in OPEN or present.until > self.now or (present.state is State.WAITING and not present.self_service)
        )

    @invariant()
    def where_it_has_waited_for_officers_it_waits(self) -> None:
        if not self.case.self_service and self.case.state is State.WAITING and not self.proved:
            assert case_at(self.case, self.case.until + HOUR).state is State.WAITING


Thief.TestCase.settings = settings(
    max_examples=300, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
TestThief = pytest.mark.slow(Thief.TestCase)


def test_waiting_gives_nothing_until_a_new_code_comes() -> None:
    case = next_case(started_case(NOW), Act.WAIT, NOW, DURATION_SECONDS[RiskDecision.WAIT])
    later = NOW + 72 * HOUR
    assert case_at(case, later - 1).state is State.WAITING and case_at(case, later).state is State.READY
    assert case_at(case, later).state not in RECOVERED
    with pytest.raises(ImpossibleAct):
        next_case(case, Act.CODE, later - 1)
    assert case_at(next_case(case, Act.CODE, later), later).state is State.FINAL
    assert case_at(case, later + READY_LIFE).state is State.EXPIRED


def test_probation_ends_to_the_second() -> None:
    case = next_case(started_case(NOW), Act.PROVISION, NOW, 24 * HOUR)
    assert case_at(case, NOW + 24 * HOUR - 1).state is State.PROVISIONAL
    assert case_at(case, NOW + 24 * HOUR).state is State.FINAL


def test_a_veto_undoes_within_and_freezes_afterwards_for_thirty_days() -> None:
    case = next_case(started_case(NOW), Act.PROVISION, NOW, 24 * HOUR)
    assert next_case(case, Act.VETO, NOW + 24 * HOUR - 1).state is State.VETOED
    frozen = next_case(case, Act.VETO, NOW + 24 * HOUR)
    assert frozen.state is State.DISPUTED
    assert next_case(frozen, Act.UNDO, NOW + 90 * DAY).state is State.VETOED
    with pytest.raises(ImpossibleAct):
        next_case(case, Act.VETO, NOW + VETO_LIFE)


def test_what_was_never_completed_expires() -> None:
    with pytest.raises(ImpossibleAct):
        next_case(started_case(NOW), Act.PROVISION, NOW + STARTED_LIFE)
    with pytest.raises(ImpossibleAct):
        next_case(started_case(NOW), Act.VETO, NOW + STARTED_LIFE)


@pytest.mark.parametrize("state", [State.VETOED, State.CANCELLED, State.EXPIRED])
def test_nothing_leads_out_of_an_end(state: State) -> None:
    assert not [act for seen, act in NEXT if seen is state]
