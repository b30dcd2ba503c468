"""How far a recovery by identity goes: today whatever may complete completes at once."""

import pytest

from idp.recovery.verdict import Circumstances, Completion, verdict


def test_it_completes_once_the_old_contacts_were_told() -> None:
    assert verdict(Circumstances(account_exists=True, contacts_told=True)) is Completion.COMPLETE


@pytest.mark.parametrize("facts", [(False, False), (False, True), (True, False)])
def test_nobody_is_recovered_behind_the_owners_back(facts: tuple[bool, bool]) -> None:
    assert verdict(Circumstances(*facts)) is None
