"""H3: a password is changed over the one that was verified, or not at all; on both databases."""

from functools import partial

import pytest
from flask import Flask

from idp import accounts
from idp.accounts import hashing
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work
from tests.account_rows import ANOTHER, PASSWORD, an_account, at_once, nik, the

pytestmark = pytest.mark.every_store
TIMES = 4


def test_a_password_that_is_another_by_now_is_not_changed(here: Flask) -> None:
    """H3: an owner's new password is not undone by whoever had verified the old one a moment earlier."""
    subject = an_account(1, PASSWORD).subject
    verified = str(the(subject).password_hash)
    accounts.change_password(the(subject), verified, ANOTHER)
    with pytest.raises(accounts.Outdated), unit_of_work():
        accounts.change_password(the(subject), verified, "Bintang!9terbit")
    with here.test_request_context():
        assert accounts.authenticate(nik(), ANOTHER).subject == subject
        with pytest.raises(accounts.WrongCredentials):
            accounts.authenticate(nik(), "Bintang!9terbit")


def test_of_many_changes_at_once_one_wins(here: Flask) -> None:
    """H3: each had verified the same password."""
    subject = an_account(1, PASSWORD).subject
    verified = str(the(subject).password_hash)
    wanted = [f"Bintang!{number}terbit" for number in range(1, TIMES + 1)]

    def change(password: str) -> None:
        accounts.change_password(the(subject), verified, password)

    outcomes = at_once(here, [partial(change, password) for password in wanted])
    assert (outcomes["done"], outcomes["Outdated"]) == (1, TIMES - 1)
    db.session.rollback()  # what others have committed since
    assert sum(hashing.matches(password, the(subject).password_hash) for password in wanted) == 1
