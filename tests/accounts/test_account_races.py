"""Accounts under races: two submissions, two tabs, a change while somebody reads; on both databases."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from idp import accounts
from idp.accounts import Account, Contact, hashing, lookup
from idp.core.crypto import hash_tag
from idp.core.values import FullName
from idp.storage.database import db
from idp.storage.redis_store import store
from tests.account_rows import (
    ANOTHER,
    PASSWORD,
    an_account,
    at_once,
    elsewhere,
    email,
    nik,
    phone,
    put_contacts,
    put_password,
    the,
)

pytestmark = pytest.mark.every_store
TIMES = 8
NAME = FullName.parse("Budi Santoso")


def create(person: int, number: int, address: int) -> None:
    accounts.create(nik(person), NAME, phone(number), email(address), "none")


def replace(subject: str, number: int) -> None:
    put_contacts(the(subject), phone(number), email(number))


def in_use(subject: str) -> list[str]:
    db.session.rollback()
    wanted = select(Contact).where(Contact.subject == subject, Contact.superseded_at.is_(None))
    return sorted(contact.value.value for contact in db.session.scalars(wanted))


def test_a_form_sent_many_times_at_once_makes_one_account(here: Flask) -> None:
    outcomes = at_once(here, [partial(create, 1, 1, 1)] * TIMES)
    assert outcomes == Counter(done=1, NikTaken=TIMES - 1)
    assert db.session.scalar(select(func.count()).select_from(Account)) == 1
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 2


def test_one_person_with_many_phones_makes_one_account(here: Flask) -> None:
    outcomes = at_once(here, [partial(create, 1, n, n) for n in range(1, TIMES + 1)])
    assert outcomes == Counter(done=1, NikTaken=TIMES - 1)


def test_many_people_with_one_phone_make_one_account(here: Flask) -> None:
    outcomes = at_once(here, [partial(create, n, 1, n) for n in range(1, TIMES + 1)])
    assert outcomes == Counter(done=1, ContactTaken=TIMES - 1)
    assert db.session.scalar(select(func.count()).select_from(Account)) == 1


def test_contacts_changed_in_many_tabs_at_once_are_those_of_one_tab(here: Flask) -> None:
    subject = an_account().subject
    outcomes = at_once(here, [partial(replace, subject, n) for n in range(11, 11 + TIMES)])
    assert outcomes == Counter(done=TIMES)
    number, address = in_use(subject)
    assert address == email(int(number[-4:])).value


def test_a_change_from_what_was_read_before_another_change_sees_that_one(here: Flask) -> None:
    account = an_account()
    subject = account.subject
    assert [contact.value for contact in account.contacts] == [phone(), email()]
    elsewhere(here, partial(replace, subject, 7))
    replaced = accounts.recover(account, phone(8), email(8), "none")
    db.session.expire_all()
    assert [c.value for c in the(subject).contacts if c.id in replaced.contacts] == [phone(7), email(7)]
    assert in_use(subject) == sorted([phone(8).value, email(8).value])


def test_of_two_accounts_that_want_one_contact_one_gets_it(here: Flask) -> None:
    subjects = [an_account(n).subject for n in range(1, TIMES + 1)]
    outcomes = at_once(here, [partial(replace, subject, 99) for subject in subjects])
    assert outcomes == Counter(done=1, ContactTaken=TIMES - 1)


def test_a_renewed_hash_does_not_bring_a_changed_password_back(here: Flask) -> None:
    account = an_account(password=PASSWORD)
    subject, stale = account.subject, account.password_hash
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"argon2_iterations": 3})
    assert hashing.needs_rehash(stale)
    elsewhere(here, lambda: put_password(the(subject), ANOTHER))
    lookup._renew_hash(account, PASSWORD)
    db.session.expire_all()
    assert hashing.matches(ANOTHER, account.password_hash)


def test_a_copy_read_before_a_change_is_not_kept_after_it(here: Flask) -> None:
    subject = an_account().subject
    db.session.remove()
    engine = db.engine
    waiting = [partial(replace, subject, 7)]

    def change_meanwhile(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FROM contacts" in statement and waiting:
            elsewhere(here, waiting.pop())

    event.listen(engine, "after_cursor_execute", change_meanwhile)
    try:
        accounts.cached_claims(subject)
    finally:
        event.remove(engine, "after_cursor_execute", change_meanwhile)
    assert not waiting
    key = f"account:{{{hash_tag(subject)}}}:{subject}"
    (prefetched,) = store().fields(key, "claims")
    db.session.remove()
    assert accounts.cached_claims(subject, prefetched)["phone_number"] == phone(7).value
    (kept,) = store().fields(key, "claims")
    assert kept is not None, "and the next copy is kept"
