"""S2, S4: who may say yes and no to a recovery, row by row."""

import pytest

from idp.probation.answer_policy import Answerer, allowed_acts
from idp.probation.state_machine import Act

NO, BOTH = {Act.VETO}, {Act.VETO, Act.AFFIRM}


@pytest.mark.parametrize(
    ("who", "acts"),
    [
        (Answerer("contact"), BOTH),
        (Answerer("contact", proved=False), NO),
        (Answerer("contact", part_of_recovery=True), NO),
        (Answerer("contact", second_factor=True), NO),
        (Answerer("contact", recent=True), set()),
        (Answerer("contact", recent=True, second_factor=True), set()),
        (Answerer("password"), BOTH),
        (Answerer("password", second_factor=True), NO),
        (Answerer("app", second_factor=True), BOTH),
        (Answerer("passkey"), BOTH),
        (Answerer("passkey", second_factor=True), BOTH),
        (Answerer("officers", second_factor=True), {Act.APPROVE, Act.UNDO}),
    ],
)
def test_only_what_was_as_strong_as_the_account_says_yes(who: Answerer, acts: set[Act]) -> None:
    """S2: a contact that the recovery gives to the account, or less than the second factor, may say no and never yes."""
    assert allowed_acts(who) == acts
