"""E-mails as they arrive: both parts say the same, nothing is loaded from anywhere, and whoever is known is greeted."""

import re

import pytest
from flask import Flask

from idp import notices
from idp.core import lifetimes
from idp.core.values import EmailAddress
from idp.gateways.outbox import messages
from idp.notices.letters import ComposedEmail
from idp.one_time_codes.message import CodeMessage
from tests.account_rows import an_account
from tests.notices.test_notices import ALL, AT, MAIL
from tests.simple_browser import Page
from tests.waiting import wait_until

MESSAGES = [*ALL, CodeMessage("481516", "registration"), CodeMessage("481516", "recovery-email")]


def signs(text: str) -> str:
    """What is read of a text, without the spaces and marks that the two parts set it with."""
    return re.sub(r"\W+", "", text)


def body_of(letter: ComposedEmail) -> str:
    """The HTML part's body, without what mail programs show in their lists only."""
    return re.sub(r'<div style="display:none.*?</div>', "", letter.html[letter.html.index("<body") :], flags=re.DOTALL)


@pytest.mark.parametrize("tag", ["id", "en", None])
def test_both_parts_say_the_same(app: Flask, tag: str | None) -> None:
    """U13."""
    with app.app_context():
        for message in MESSAGES:
            letter = message.letter(tag, "Siti Nurhaliza")
            assert signs(Page("x:", 200, body_of(letter)).text) == signs(letter.text), message


def test_nothing_is_loaded_and_every_link_is_told(app: Flask, issuer: str) -> None:
    """U13: a picture from elsewhere tells who reads, and a button that hides its address is what phishing looks like."""
    with app.app_context():
        desk = app.extensions["idp.settings"].help_url
        for message in MESSAGES:
            letter, way = message.letter(None), getattr(message, "url", None)
            assert not re.search(r"\ssrc=|url\(|@import|<link|<img|<script", letter.html)
            links = set(re.findall(r'href="([^"]*)"', letter.html))
            assert links == {desk, *([way] if way else [])}
            assert all(f">{link}<" in letter.html for link in links)
            assert issuer.removeprefix("http://") in letter.text


def test_a_code_stands_alone_and_in_no_preview(app: Flask) -> None:
    """U13: what a lock screen shows of a mail has no code in it."""
    with app.app_context():
        letter = CodeMessage("481516", "recovery-email").letter("id")
    preview = re.search(r'<div style="display:none.*?</div>', letter.html, re.DOTALL)
    assert preview and "481516" not in preview[0] and "481516" not in letter.subject
    assert re.search(r'<p class="code"[^>]*>481516</p>', letter.html)
    assert re.search(r"^ {4}481516$", letter.text, re.MULTILINE)
    assert "Kode OTP Anda untuk pemulihan akun:" in letter.text
    assert f"Kode berlaku {lifetimes.ONE_TIME_CODE.minutes} menit." in letter.text


def test_whoever_is_known_is_greeted_and_nobody_else_is_named(here: Flask) -> None:
    """U13: a warning about a contact that somebody else typed must not tell whose it is."""
    budi = an_account()
    notices.notify([MAIL], notices.password_changed(AT), budi.subject)
    notices.notify([EmailAddress.parse("other@example.com")], notices.contact_attempt("email", AT))
    wait_until(lambda: len(messages()) >= 2)
    (known,), (unknown,) = messages(MAIL.value), messages("other@example.com")
    assert "Yth. Budi Santoso,\n" in known.text
    assert "Yth. pengguna SIAPkerja,\n" in unknown.text
    assert "Budi" not in unknown.text


def test_what_an_officer_did_asks_nobody_whether_it_was_them(app: Flask) -> None:
    """U22: «Akun Anda dikunci petugas … Bukan Anda?»."""
    with app.app_context():
        for notice in (notices.account_locked(AT), notices.account_unlocked(AT), notices.data_corrected("name", AT)):
            assert "Bukan Anda?" not in notice.text("id") + notice.letter("id").text
            assert "Bukan saya" not in notice.letter("id").text
            assert notice.text("id").endswith("Info: " + notice.url)
