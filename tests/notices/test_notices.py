"""Notices reach every contact, in words a person understands, and never bombard anybody."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest
from flask import Flask

from idp import notices
from idp.audit import trail
from idp.core import languages
from idp.core.values import EmailAddress, PhoneNumber
from idp.gateways.outbox import messages
from idp.notices import Notice
from idp.notices.words import AUTHENTICATOR_CHANGES, CORRECTIONS, TAKEN, WORDS
from idp.storage import redis_store
from tests.gateways.servers import silent_gateway
from tests.waiting import wait_until

AT = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
PHONE = PhoneNumber.parse("081234562797")
REFUSED = PhoneNumber.parse("081234560002")
MAIL = EmailAddress.parse("siti@example.com")
GSM_7 = set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 \n@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà"
)
VETO = "https://akun.kemnaker.go.id/recovery/veto/" + "x" * 22

ALL = [
    notices.password_changed(AT),
    notices.contacts_changed(AT),
    notices.recovery_started(AT, VETO),
    notices.recovery_completed(AT, PhoneNumber.parse("081299991234"), VETO),
    notices.recovery_waits(AT, PhoneNumber.parse("081299991234"), VETO),
    notices.recovery_affirmed(AT, VETO),
    notices.recovery_ready(AT),
    notices.recovery_vetoed(AT),
    notices.recovery_disputed(AT),
    *(notices.authenticators_changed(change, AT) for change in AUTHENTICATOR_CHANGES),
    *(notices.registration_attempt(what, AT) for what in TAKEN),
    *(notices.contact_attempt(what, AT) for what in ("phone", "email")),
    notices.new_device(AT, "Chrome · Android"),
    notices.signed_out_everywhere(AT),
    notices.account_locked(AT),
    notices.account_unlocked(AT),
    *(notices.data_corrected(what, AT) for what in CORRECTIONS),
    notices.deletion_requested(AT, AT),
    notices.deletion_cancelled(AT),
    notices.account_deleted(AT),
    notices.data_exported(AT),
    notices.contact_verified(AT),
]


def events(expected: int) -> list[bytes]:
    """What was audited, once all of it is there: notices go out in the background, on a busy machine a little later."""
    wait_until(lambda: len(redis_store.store().listed(trail.QUEUE)) >= expected)
    return redis_store.store().listed(trail.QUEUE)


each_notice = pytest.mark.parametrize("notice", ALL, ids=lambda notice: notice.kind)


def test_every_kind_of_notice_is_looked_at_here() -> None:
    assert {notice.kind for notice in ALL} == WORDS.keys()


@each_notice
def test_each_notice_is_one_sms_in_each_language(make_app: Callable[..., Flask], notice: Notice) -> None:
    with make_app(issuer="https://account.kemnaker.go.id").app_context():
        texts = [notice.text(tag) for tag in languages.tags()]
    assert len(set(texts)) == len(languages.tags())
    assert [text for text in texts if len(text) > 160] == []
    assert [text for text in texts if not set(text) <= GSM_7] == [], "outside GSM-7 a message holds 70 characters only"


@each_notice
def test_each_letter_to_somebody_unknown_is_indonesian_first_and_english_below(app: Flask, notice: Notice) -> None:
    with app.app_context():
        both, alone = notice.letter(), [notice.letter(tag) for tag in ("id", "en")]
    assert both.subject == " / ".join(letter.subject for letter in alone)
    indonesian, english = (letter.text.rstrip("\n").split("\n\n", 1) for letter in alone)
    assert both.text == "\n\n".join([*indonesian, "-- English --", english[1]]) + "\n"
    assert both.html.startswith('<!doctype html>\n<html lang="id">')
    assert both.html.index('<div lang="id">') < both.html.index('<div lang="en">')


@each_notice
def test_each_notice_has_a_way_for_whoever_did_not_do_it(app: Flask, issuer: str, notice: Notice) -> None:
    with app.app_context():
        letters, texts = [notice.letter(tag) for tag in ("id", "en", None)], [notice.text(tag) for tag in ("id", "en", None)]
    way = notice.facts.get("url", f"{issuer}/bukan-saya")
    assert all(way in text for letter in letters for text in (letter.text, letter.html))
    assert all(text.endswith(way) for text in texts)


@each_notice
def test_a_notice_is_the_same_when_it_comes_out_of_the_outbox(app: Flask, notice: Notice) -> None:
    with app.app_context():
        assert Notice.from_dict(orjson.loads(orjson.dumps(notice.to_dict()))).letter() == notice.letter()


def test_the_way_of_a_notice_leads_to_a_page_that_says_what_to_do(app: Flask) -> None:
    page = app.test_client().get("/bukan-saya")
    assert page.status_code == 200
    assert "ubah password" in page.get_data(as_text=True)


def test_times_are_told_in_wib(app: Flask) -> None:
    notice = notices.password_changed(AT)
    with app.app_context():
        assert "02/03 12.30 WIB" in notice.text("id")
        assert "2 Maret 2026 pukul 12.30 WIB" in notice.letter("id").text
        assert "2 March 2026, 12:30 WIB" in notice.letter("en").text


def test_the_veto_is_in_every_channel_and_the_new_number_masked(here: Flask) -> None:
    notices.notify_in_constant_time([PHONE, MAIL], ALL[3], "subject-1")
    events(2)
    for to in (PHONE, MAIL):
        (message,) = messages(to.value)
        assert VETO in message.text
        assert "08*****1234" in message.text
        assert "081299991234" not in message.text
    assert "Bukan saya, batalkan" in ALL[3].letter().html
    assert VETO not in repr(ALL[3])


def test_the_letter_escapes_what_it_is_given(here: Flask) -> None:
    notice = notices.recovery_completed(AT, PHONE, 'https://x.example/"><script>')
    assert "<script>" not in notice.letter().html


def test_a_contact_gets_five_of_a_kind_in_a_day(here: Flask) -> None:
    for _ in range(7):
        notices.notify_in_constant_time([MAIL], notices.registration_attempt("email", AT))
    assert sum(b'"notice_withheld"' in event for event in events(7)) == 2
    assert len(messages(MAIL.value)) == 5
    notices.notify_in_constant_time([MAIL], notices.password_changed(AT))
    events(8)
    assert len(messages(MAIL.value)) == 6


def test_one_dead_contact_does_not_keep_the_others_from_knowing(here: Flask) -> None:
    notices.notify_in_constant_time([REFUSED, MAIL, PHONE], notices.password_changed(AT), "subject-1")
    kinds = b" ".join(events(2))
    assert kinds.count(b'"notice_sent"') == 2
    assert len(messages(MAIL.value)) == len(messages(PHONE.value)) == 1
    assert b"siti@" not in kinds
    assert PHONE.local[1:].encode() not in kinds


def test_telling_nobody_takes_as_long_as_telling_somebody(here: Flask) -> None:
    """Both the fixed time, and neither the provider's: it has not answered yet when the page does."""
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"constant_time_ms": 50})

    def seconds(contacts: list[PhoneNumber | EmailAddress]) -> float:
        begun = time.perf_counter()
        notices.notify_in_constant_time(contacts, notices.password_changed(AT))
        return time.perf_counter() - begun

    with silent_gateway(here, "idp.mail") as gateway:
        assert seconds([MAIL]) >= 0.05
        assert gateway.answered == []
        assert seconds([]) >= 0.05
    assert gateway.answered == [MAIL]
