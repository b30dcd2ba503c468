"""The table of languages: how one is found in it, and that a third one is a line, a catalogue and nothing else."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask

from idp import notices
from idp.core import clock, languages
from idp.core.languages import Language
from idp.gateways.outbox import messages
from idp.oidc.clients.client import Client
from idp.one_time_codes import otp
from tests.account_rows import an_account, email, phone

JAVANESE = Language("jv", "Basa Jawa", "jv")
CATALOGUE = """
msgid "Kebijakan Privasi"
msgstr "Kawicaksanan Privasi"

msgid "SIAPkerja: password akun Anda diubah %(at)s."
msgstr "SIAPkerja: tembung sandhi akunmu diganti %(at)s."

msgid "Password akun SIAPkerja Anda diubah"
msgstr "Tembung sandhi akunmu diganti"

msgid "SIAPkerja: Kode OTP Anda %(kode)s untuk %(apa)s. Berlaku %(menit)s menit. JANGAN berikan kepada siapa pun, termasuk petugas Kemnaker."
msgstr "SIAPkerja: Kode OTP-mu %(kode)s kanggo %(apa)s. Kanggo %(menit)s menit. AJA diwenehake marang sapa wae."
"""


@pytest.fixture
def javanese(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """An application that also speaks Javanese: one line in the table and a tiny catalogue."""
    monkeypatch.setattr(languages, "LANGUAGES", (*languages.LANGUAGES, JAVANESE))
    (tmp_path / "jv" / "LC_MESSAGES").mkdir(parents=True)
    with (tmp_path / "jv" / "LC_MESSAGES" / "messages.mo").open("wb") as file:
        write_mo(file, read_po(io.BytesIO(CATALOGUE.encode()), locale="jv"))
    app = make_app()
    app.extensions["babel"].translation_directories.append(str(tmp_path))
    yield app
    with app.app_context():
        languages.babel.domain_instance.cache.pop(("jv", "messages"), None)


def test_a_third_language_is_on_the_switch_and_its_pages_are_in_it(javanese: Flask) -> None:
    browser = javanese.test_client()
    assert '<button type="submit" name="bahasa" value="jv" lang="jv">Basa Jawa</button>' in browser.get("/").text
    browser.post("/bahasa", data={"bahasa": "jv", "kembali": "/"})
    page = browser.get("/").text
    assert '<html lang="jv">' in page
    assert "Kawicaksanan Privasi" in page
    assert "Basa Jawa" not in page
    assert "English" in page


@pytest.mark.parametrize(
    "asked", [{"query_string": {"ui_locales": "ban jv-ID"}}, {"headers": {"Accept-Language": "jv-ID, en;q=0.5"}}]
)
def test_a_third_language_may_be_asked_for(javanese: Flask, asked: dict[str, dict[str, str]]) -> None:
    assert '<html lang="jv">' in javanese.test_client().get("/", **asked).text


def test_a_third_language_is_in_discovery(javanese: Flask) -> None:
    known = javanese.test_client().get("/.well-known/openid-configuration").get_json()
    assert known["ui_locales_supported"] == ["id", "en", "jv"]


def test_an_account_with_a_third_language_gets_notices_mails_and_codes_in_it(javanese: Flask) -> None:
    with javanese.app_context():
        account = an_account(locale="jv")
        notices.enqueue([phone(), email()], notices.password_changed(clock.now()), account.subject)
        notices.deliver_due()
        otp.send(None, "sign_in", phone(), account.subject)
        changed, code = (message.text for message in messages(phone().value))
        (letter,) = messages(email().value)
    assert changed.startswith("SIAPkerja: tembung sandhi akunmu diganti")
    assert "AJA diwenehake" in code
    assert letter.subject == "Tembung sandhi akunmu diganti"


def test_a_mail_to_somebody_unknown_does_not_grow_with_the_languages(javanese: Flask) -> None:
    with javanese.app_context():
        letter = notices.password_changed(clock.now()).letter()
    assert letter.subject == "Password akun SIAPkerja Anda diubah / Your SIAPkerja password was changed"


def test_a_client_may_have_a_name_in_a_third_language(javanese: Flask) -> None:
    client = Client(
        **{
            "client_id": "wlkp",
            "client_name": "Wajib Lapor",
            "client_name#jv": "Wajib Lapuran",
            "redirect_uris": ["https://wlkp.example/cb"],
        }
    )
    assert [client.name(tag) for tag in languages.tags()] == ["Wajib Lapor", "Wajib Lapor", "Wajib Lapuran"]


@pytest.mark.parametrize(
    ("tag", "found"),
    [("id", "id"), ("EN", "en"), ("en-US", "en"), ("en_GB", "en"), ("en-Latn-US-x", "en"), ("id-", "id"), ("enx", None)],
)
def test_a_tag_is_found_by_its_longest_part_that_we_speak(tag: str, found: str | None) -> None:
    language = languages.find(tag)
    assert (language.tag if language else None) == found


@pytest.mark.parametrize("tag", [None, "", "-", "*", "x", "e" * 10_000, "-" * 100_000])
def test_what_is_no_tag_of_ours_is_no_language(tag: str | None) -> None:
    assert languages.find(tag) is None
