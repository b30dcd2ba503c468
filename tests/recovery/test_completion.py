"""H3: a recovery by identity is completed by nobody whose owner was not told first."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from idp.accounts import Account, hashing
from idp.core import clock
from idp.core.values import FullName
from idp.identity.proofing import IdentityProof
from idp.probation import transitions
from idp.probation.state_machine import State
from idp.recovery import completion
from idp.recovery.draft import IDENTITY, Draft
from tests.account_rows import ANOTHER, PASSWORD, an_account, email, nik, phone, the


@pytest.fixture
def requested(here: Flask) -> Iterator[Flask]:
    """Within a request: a recovery notes whose it is."""
    with here.test_request_context():
        yield here


@pytest.fixture
def owner(requested: Flask) -> Account:
    return an_account(1, PASSWORD)


def begun(number: int = 1) -> Draft:
    """The facts matched, the owner was told, new contacts and a password are there, and the code was right."""
    proof = IdentityProof(nik(number), FullName.parse("Budi Santoso"), clock.timestamp(), "a-reference")
    draft = completion.warn_owner(Draft(proof=proof.to_dict(), way=IDENTITY))
    new = {"email": email(71).value, "recipient": phone(71).value, "password_hash": hashing.hash_password(ANOTHER)}
    return replace(draft, verified=True, **new)


def test_an_owner_who_was_told_recovers(owner: Account) -> None:
    ended = completion.complete(begun(), owner)
    assert ended is not None
    assert ended.state is not State.STARTED


def test_nothing_is_completed_before_the_owner_was_told(owner: Account) -> None:
    """H3: however the draft came about, without the warning it ends in nothing, and the recovery stays where it was."""
    draft = begun()
    before = the(owner.subject).password_hash
    assert completion.complete(replace(draft, warned=False), owner) is None
    row = transitions.find(draft.recovery)
    assert row is not None
    assert row.state == State.STARTED.value
    assert the(owner.subject).password_hash == before


def test_a_recovery_of_somebody_else_completes_nothing(owner: Account) -> None:
    """H3: its owner was told of one account's recovery, and never of another's."""
    other = an_account(2, PASSWORD)
    assert completion.complete(begun(), other) is None
    assert completion.complete(replace(begun(), recovery=""), owner) is None
