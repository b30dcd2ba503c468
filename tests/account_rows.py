"""People for the tests of the residents, and threads that all begin at the same moment."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from flask import Flask
from sqlalchemy import insert, select

from idp import accounts
from idp.accounts import Account, hashing
from idp.audit import trail
from idp.core.values import EmailAddress, FullName, Nik, PhoneNumber
from idp.storage.database import db
from idp.storage.redis_store import Store, connect, store
from idp.storage.unit_of_work import unit_of_work

PASSWORD = "Matahari!7terbit"
ANOTHER = "Rembulan!8terbit"


def nik(number: int = 1) -> Nik:
    """The NIK of a man who does not exist, born on 12 April 1985."""
    return Nik.parse(f"990101120485{number:04d}")


def phone(number: int = 1) -> PhoneNumber:
    """A number of nobody's."""
    return PhoneNumber.parse(f"08120000{number:04d}")


def email(number: int = 1) -> EmailAddress:
    """An address of nobody's."""
    return EmailAddress.parse(f"orang{number}@surat.example")


def an_account(number: int = 1, password: str | None = None, **more: Any) -> Account:
    """An account; without a password nobody can sign in to it, and it is made quickly."""
    hashed = hashing.hash_password(password) if password else "none"
    return accounts.create(nik(number), FullName.parse("Budi Santoso"), phone(number), email(number), hashed, **more)


def put_password(account: Account, password: str) -> None:
    """A new password, as a reset puts it."""
    accounts.set_password_hash(account, hashing.hash_password(password))


def put_contacts(account: Account, phone: PhoneNumber, email: EmailAddress) -> list[PhoneNumber | EmailAddress]:
    """Both contacts anew, in one transaction; those that were in use."""
    old = account.contacts_in_use
    with unit_of_work():
        accounts.replace_contact(account, phone)
        accounts.replace_contact(account, email)
    return old


def a_row(subject: str) -> str:
    """An account with this very subject, which nobody can sign in to; its subject."""
    known = {"nik_sealed": "x", "nik_index": subject, "name_sealed": "x", "password_hash": "none", "acr": "a", "locale": "id"}
    times = {"created_at": 1, "updated_at": 1, "password_changed_at": 1}
    with db.engine.begin() as connection:
        connection.execute(insert(Account.__table__), {"subject": subject, "roles": [], "state": "active", **known, **times})
    return subject


def the(subject: str) -> Account:
    """The account with this subject, which is known to be there."""
    found = accounts.find(subject)
    assert found is not None
    return found


def at_once(app: Flask, acts: Sequence[Callable[[], Any]]) -> Counter[str]:
    """Does all of it at the same moment, each in a context of its own; how often what came of it."""
    barrier = threading.Barrier(len(acts))

    def one(act: Callable[[], Any]) -> str:
        with app.app_context():
            barrier.wait(60)
            try:
                act()
            except Exception as fact:
                return type(fact).__name__
            return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(one, acts))


def queued_events() -> list[dict[str, Any]]:
    """Events that are not chained to the trail yet, oldest first."""
    with db.engine.connect() as connection:
        kept = list(connection.scalars(select(trail.AUDIT_PENDING.c.event).order_by(trail.AUDIT_PENDING.c.at)))
    return sorted((orjson.loads(row) for row in [*store().listed(trail.QUEUE), *kept]), key=lambda row: row["at"])


def elsewhere(app: Flask, act: Callable[[], Any]) -> None:
    """Does it in another thread, as another request would, and waits for it."""
    assert at_once(app, [act]) == Counter(done=1)


def nowhere() -> Store:
    """A store that does not answer."""
    return connect("redis://127.0.0.1:1/0")
