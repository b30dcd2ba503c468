"""Accounts: sealed, found by everything that a person signs in with, changed in one piece, locked for good."""

from dataclasses import replace

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text

from idp import accounts
from idp.accounts import Account, ContactTaken, NikTaken, generations, hashing
from idp.core import clock
from idp.core.crypto import hash_tag
from idp.core.key_rings import Ring
from idp.core.values import ACR_DATA, Authentication, EmailAddress, PhoneNumber
from idp.identity import proofing
from idp.sessions import single_sign_on
from idp.storage.database import db
from idp.storage.redis_store import StoreUnavailable, store
from idp.storage.sealing import Sealer, Unsealable, sealer
from tests.account_rows import (
    ANOTHER,
    PASSWORD,
    an_account,
    elsewhere,
    email,
    nik,
    nowhere,
    phone,
    put_contacts,
    put_password,
    the,
)

pytestmark = [pytest.mark.every_store, pytest.mark.usefixtures("clock")]

OLD, NEW = b"o" * 32, b"n" * 32


def rings(app: Flask, *, sealing: dict[str, bytes], index: dict[str, bytes]) -> None:
    """Exchanges the rings; the last key of each is the current one."""
    app.extensions["idp.storage.sealing"] = Sealer(Ring(list(sealing)[-1], sealing), Ring(list(index)[-1], index))


def reloaded(account: Account) -> Account:
    subject = account.subject
    db.session.expire_all()
    found = accounts.find(subject)
    assert found is not None
    return found


def in_use(account: Account) -> set[str]:
    return {contact.value.value for contact in reloaded(account).contacts if contact.current}


def test_a_new_account_is_what_was_given(here: Flask) -> None:
    account = reloaded(an_account())
    assert (account.nik, account.name.text) == (nik(), "Budi Santoso")
    assert (account.phone, account.email) == (phone(), email())
    assert (account.acr, account.locale, account.roles, account.locked) == (ACR_DATA, "id", [], False)
    assert account.created_at == account.updated_at == account.password_changed_at == clock.timestamp()
    assert len(account.subject) == 22
    assert an_account(2).subject != account.subject


def test_everything_one_signs_in_with_finds_it(here: Flask) -> None:
    subject = an_account().subject
    an_account(2)
    for identifier in (nik(), phone(), email()):
        found = accounts.find_by_identifier(identifier)
        assert found is not None
        assert found.subject == subject
    for stranger in (nik(3), phone(3), email(3)):
        assert accounts.find_by_identifier(stranger) is None
    assert accounts.find_by_nik(nik(3)) is None
    assert accounts.find("nobody") is None


def test_no_table_holds_a_fact_in_the_clear(here: Flask) -> None:
    account = an_account(password=PASSWORD)
    rows = [*db.session.execute(text("SELECT * FROM accounts")), *db.session.execute(text("SELECT * FROM contacts"))]
    written = str([tuple(row) for row in rows]).casefold()
    for fact in (nik().value, phone().value[1:], phone().local, email().value, "santoso", PASSWORD.casefold()):
        assert fact not in written
    assert all(fact not in f"{account!r} {account.contacts!r}".casefold() for fact in ("santoso", nik().value, email().value))


def test_what_is_sealed_opens_in_its_own_row_and_column_only(here: Flask) -> None:
    mine, other = an_account(), an_account(2)
    mine.nik_sealed, mine.name_sealed = other.nik_sealed, mine.nik_sealed
    mine.contacts[0].value_sealed = other.contacts[0].value_sealed
    for look in (lambda: mine.nik, lambda: mine.name, lambda: mine.contacts[0].value):
        with pytest.raises(Unsealable):
            look()
    db.session.rollback()


def test_the_keys_rotate_under_living_accounts(here: Flask) -> None:
    rings(here, sealing={"k1": OLD}, index={"k1": OLD})
    subject = an_account().subject
    rings(here, sealing={"k1": OLD, "k2": NEW}, index={"k1": OLD, "k2": NEW})
    db.session.expire_all()
    for identifier in (nik(), phone(), email()):
        found = accounts.find_by_identifier(identifier)
        assert found is not None
        assert (found.subject, found.nik) == (subject, nik())
    with pytest.raises(NikTaken):
        an_account()
    with pytest.raises(ContactTaken):
        accounts.create(nik(2), found.name, phone(), email(2), "none")
    assert an_account(3).nik_index.startswith("k2.")
    rings(here, sealing={"k2": NEW}, index={"k2": NEW})
    assert accounts.find_by_identifier(nik()) is None


def test_one_account_a_person(here: Flask) -> None:
    account = an_account()
    with pytest.raises(NikTaken):
        accounts.create(nik(), account.name, phone(2), email(2), "none")
    assert accounts.find_by_identifier(phone(2)) is None, "nothing of it was written"


def test_an_address_belongs_to_who_proves_it(here: Flask) -> None:
    """S5, S28: an unproved one blocks nobody and is refused to nobody; once proved it is found, and taken."""
    first = an_account()
    second = accounts.create(nik(2), first.name, phone(2), email(), "none")
    found = accounts.find_by_identifier(email())
    assert found is not None and found.subject == first.subject, "who had it first"
    accounts.replace_contact(second, email())
    found = accounts.find_by_identifier(email())
    assert found is not None and found.subject == second.subject
    with pytest.raises(ContactTaken):
        accounts.replace_contact(reloaded(first), email())
    third = accounts.create(nik(3), first.name, phone(3), email(), "none")
    assert accounts.claims(third)["email_verified"] is False
    assert accounts.claims(reloaded(second))["email_verified"] is True


@pytest.mark.parametrize("kind", ["phone", "email"])
def test_a_contact_belongs_to_one_account(here: Flask, kind: str) -> None:
    account = an_account(email_verified=True)
    contacts = {"phone": phone(2), "email": email(2)} | {kind: phone() if kind == "phone" else email()}
    with pytest.raises(ContactTaken) as taken:
        accounts.create(nik(2), account.name, **contacts, password_hash="none", email_verified=True)
    assert taken.value.kind == kind
    assert accounts.find_by_nik(nik(2)) is None


def test_another_password(here: Flask, clock: time_machine.Traveller) -> None:
    account = an_account(password=PASSWORD)
    before = account.password_changed_at
    clock.shift(60)
    put_password(account, ANOTHER)
    account = reloaded(account)
    assert hashing.matches(ANOTHER, account.password_hash)
    assert not hashing.matches(PASSWORD, account.password_hash)
    assert account.password_changed_at == before + 60
    assert account.generation == 1


def test_new_contacts_replace_the_old_ones_which_are_kept_to_be_told(here: Flask, clock: time_machine.Traveller) -> None:
    account = an_account()
    clock.shift(60)
    assert put_contacts(account, phone(7), email(7)) == [phone(), email()]
    assert in_use(account) == {phone(7).value, email(7).value}
    kept = [contact for contact in account.contacts if not contact.current]
    assert {contact.value for contact in kept} == {phone(), email()}
    assert all(contact.superseded_at == account.updated_at for contact in kept)
    assert accounts.find_by_identifier(phone()) is None
    assert an_account(2) and accounts.create(nik(3), account.name, phone(), email(), "none"), "free for others now"


def test_a_contact_that_stays_is_the_same_one_still_verified(here: Flask) -> None:
    account = an_account(email_verified=True)
    put_contacts(account, phone(7), email())
    account = reloaded(account)
    assert in_use(account) == {phone(7).value, email().value}
    assert len(account.contacts) == 3
    assert accounts.claims(account)["email_verified"] is True


def test_somebody_elses_contact_changes_nothing(here: Flask) -> None:
    account = an_account()
    an_account(2, email_verified=True)
    with pytest.raises(ContactTaken) as taken:
        put_contacts(account, phone(7), email(2))
    assert taken.value.kind == "email"
    assert in_use(account) == {phone().value, email().value}


def test_a_recovery_is_contacts_and_password_together(here: Flask) -> None:
    account = an_account(password=PASSWORD)
    hashed = hashing.hash_password(ANOTHER)
    old = [contact.id for contact in account.contacts]
    assert accounts.recover(account, phone(7), email(7), hashed).contacts == old
    account = reloaded(account)
    assert in_use(account) == {phone(7).value, email(7).value}
    assert hashing.matches(ANOTHER, account.password_hash)
    assert account.generation == 1


def test_a_recovery_to_a_taken_contact_leaves_the_password(here: Flask) -> None:
    account = an_account(password=PASSWORD)
    an_account(2)
    with pytest.raises(ContactTaken):
        accounts.recover(account, phone(2), email(7), hashing.hash_password(ANOTHER))
    account = reloaded(account)
    assert hashing.matches(PASSWORD, account.password_hash)
    assert in_use(account) == {phone().value, email().value}
    assert account.generation == 0


def test_a_lock_raises_the_generation_and_its_end_does_not(here: Flask) -> None:
    account = an_account()
    accounts.lock(account, "tiket 4711")
    assert reloaded(account).locked
    assert reloaded(account).generation == 1
    accounts.unlock(account, "tiket 4712")
    assert not reloaded(account).locked
    assert reloaded(account).generation == 1


def test_a_lock_ends_a_living_session_at_once(here: Flask) -> None:
    from idp.web import cookies

    subject = an_account().subject
    with here.test_request_context():
        response = here.response_class()
        single_sign_on.establish(Authentication(subject, ("pwd",), clock.timestamp(), ACR_DATA), response)
        cookie = response.headers["Set-Cookie"].partition(";")[0]
    for expected in (True, False):
        with here.test_request_context(headers={"Cookie": cookie}):
            assert cookies.SESSION.name in cookie
            assert (single_sign_on.current() is not None) is expected
        accounts.lock(the(subject), "tiket 4711")


def test_without_the_store_nobody_is_called_locked_whose_sessions_might_go_on(here: Flask) -> None:
    """The copy of the generation is put out of force before the commit: where that cannot be done, nothing is (fails closed)."""
    account, working = an_account(), store()
    assert generations.still_counts(account.subject, 0)
    here.extensions["idp.storage.redis_store"] = nowhere()
    with pytest.raises(StoreUnavailable):
        accounts.lock(account, "tiket 4711")
    here.extensions["idp.storage.redis_store"] = working
    assert not reloaded(account).locked
    assert reloaded(account).generation == 0
    accounts.lock(account, "tiket 4711")
    assert not generations.still_counts(account.subject, 0)


def test_a_store_that_lost_everything_asks_sql(here: Flask) -> None:
    locked, free = an_account(), an_account(2)
    accounts.lock(locked, "tiket 4711")
    store().redis.flushall()
    assert not generations.still_counts(locked.subject, 0)
    assert generations.still_counts(free.subject, 0)


def test_roles_are_what_operators_say(here: Flask) -> None:
    account = an_account()
    accounts.assign_roles(account, ["company", "jobseeker", "company"])
    assert accounts.claims(reloaded(account))["roles"] == ["company", "jobseeker"]


def test_a_sign_in_stands_until_password_or_lock(here: Flask) -> None:
    account = an_account(password=PASSWORD)
    proved = Authentication(account.subject, ("pwd",), account.created_at, ACR_DATA)
    assert accounts.authentication_still_valid(proved)
    assert not accounts.authentication_still_valid(Authentication("nobody", ("pwd",), account.created_at, ACR_DATA))
    accounts.lock(account, "tiket 4711")
    assert not accounts.authentication_still_valid(proved)
    accounts.unlock(account, "tiket 4711")
    assert not accounts.authentication_still_valid(proved), "what was proved before the lock is over for good"
    anew = replace(proved, generation=account.generation)
    assert accounts.authentication_still_valid(anew)
    put_password(account, ANOTHER)
    assert not accounts.authentication_still_valid(anew), "in the same second"


def test_the_claims_are_those_of_the_protocol(here: Flask) -> None:
    account = an_account(locale="en")
    assert accounts.claims(account) == {
        "name": "Budi Santoso",
        "email": email().value,
        "email_verified": False,
        "phone_number": phone().value,
        "phone_number_verified": True,
        "birthdate": "1985-04-12",
        "gender": "male",
        "locale": "en",
        "updated_at": account.updated_at,
        "nik": nik().value,
        "roles": [],
    }


def test_a_snapshot_rides_sealed_and_is_dropped_at_every_change(here: Flask) -> None:
    account = an_account()
    subject, key = account.subject, f"account:{{{hash_tag(account.subject)}}}:{account.subject}"

    def prefetched() -> bytes | None:
        return store().fields(key, "claims")[0]

    known = accounts.cached_claims(subject)
    copy = prefetched()
    assert known == accounts.claims(account)
    assert copy is not None
    assert nik().value.encode() not in copy
    db.session.execute(text("UPDATE accounts SET locale = 'en'"))
    db.session.commit()
    assert accounts.cached_claims(subject, copy) == known, "no SQL is asked"
    accounts.assign_roles(account, ["jobseeker"])
    assert prefetched() is None
    assert accounts.cached_claims(subject)["roles"] == ["jobseeker"]
    put_contacts(account, phone(7), email(7))
    assert prefetched() is None
    assert accounts.cached_claims(subject, prefetched())["phone_number"] == phone(7).value


def test_a_copy_of_another_account_or_under_a_lost_key_is_not_believed(here: Flask) -> None:
    mine, other = an_account().subject, an_account(2).subject
    foreign = sealer().seal('{"name": "x"}', f"store.claims:{other}").encode()
    assert accounts.cached_claims(mine, foreign)["nik"] == nik().value
    assert accounts.cached_claims("nobody") == {}


def test_a_snapshot_sees_what_another_request_has_written(here: Flask) -> None:
    account = an_account()
    assert account.phone == phone()

    def change() -> None:
        put_contacts(the(account_subject), phone(7), email(7))

    account_subject = account.subject
    elsewhere(here, change)
    assert accounts.cached_claims(account_subject)["phone_number"] == phone(7).value


def test_a_proof_makes_an_account(here: Flask) -> None:
    proof = proofing.IdentityProof(nik(), an_account(2).name, clock.timestamp(), "reference")
    account = accounts.create(proof.nik, proof.name, PhoneNumber(phone().value), EmailAddress(email().value), "none")
    assert accounts.find_by_nik(nik()) == account
