"""What tests of recoveries share: the links in notices, the answers behind them, and what SQL knows."""

import re
from typing import Any

from flask import Flask
from sqlalchemy import select

from idp import accounts
from idp.gateways.sms import record_delivery
from idp.probation.model import Recovery
from idp.storage.database import db
from idp.storage.outbox import OUTBOX
from tests.person import Person
from tests.simple_browser import Page, SimpleBrowser
from tests.waiting import wait_until

LINK = re.compile(r"https?://\S+/recovery/veto/[A-Za-z0-9_-]+")
NEW = {"phone": "081398765432", "email": "baru@surat.example"}
DAY, HOUR = 86400, 3600


def links(outbox: Any, contact: str) -> list[str]:
    """The veto links that this contact was sent, oldest first; messages travel in the background, so it waits for one."""
    return wait_until(lambda: [match[0] for message in outbox.to(contact) if (match := LINK.search(message.text))])


def answers(browser: SimpleBrowser, answer: str) -> Page:
    """Presses «Bukan saya, batalkan» (no) or «Ya, ini saya» (yes)."""
    return browser.submit(form=next(form for form in browser.page.forms if form.fields.get("answer") == answer))


def vetoes(outbox: Any, contact: str, issuer: str, answer: str = "no", which: int = -1) -> Page:
    """Opens the newest link of a contact in a browser that knows nothing, and answers."""
    browser = SimpleBrowser(issuer)
    browser.open(links(outbox, contact)[which])
    return answers(browser, answer)


def proves(person: Person) -> None:
    """«Kendala Masuk ke Akun?», by identity, up to the new contacts."""
    person.browser.click("Kendala Masuk ke Akun?")
    person.browser.click("Verifikasi identitas diri")
    person.proves_identity()


def recovers_after_confirmation(person: Person, app: Flask) -> None:
    """Recovers by identity with NEW while the old phone confirms the warning: an account that was quiet is had for 72 hours
    of probation."""
    search = person.before_the_code

    def confirms() -> None:
        search()
        phone_confirms(app)

    person.before_the_code = confirms
    person.recovers("identity", **NEW)
    person.before_the_code = search


def phone_confirms(app: Flask) -> None:
    """The operator reports that the warning by SMS has arrived."""
    with app.app_context():
        wanted = select(OUTBOX.c.id).where(OUTBOX.c.about == "recovery_started", OUTBOX.c.destination == "sms")
        with db.engine.connect() as connection:
            for reference in connection.scalars(wanted):
                record_delivery("outbox", reference, "delivered")


def phone_is_dead(app: Flask) -> None:
    """Neither the SMS nor the e-mail reached anybody."""
    with app.app_context():
        wanted = select(OUTBOX.c.id).where(OUTBOX.c.about == "recovery_started")
        with db.engine.connect() as connection:
            for reference in connection.scalars(wanted):
                record_delivery("outbox", reference, "undelivered")


def newest(app: Flask) -> Recovery:
    """The recovery that was begun last."""
    with app.app_context():
        row = db.session.scalars(select(Recovery).order_by(Recovery.started_at.desc())).first()
        assert row is not None
        db.session.expunge(row)
        return row


def subject_of(app: Flask, person: Person) -> str:
    """Whose account it is."""
    from idp.core.values import Nik

    with app.app_context():
        account = accounts.find_by_nik(Nik(person.nik))
        assert account is not None
        return account.subject
