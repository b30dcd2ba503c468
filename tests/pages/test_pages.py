"""The pages that belong to no journey."""

import hashlib
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import pages
from idp.accounts import TERMS
from idp.gateways import outbox
from idp.pages.routes import same_site_path
from idp.storage import redis_store


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    return app.test_client()


def test_pages_are_indonesian_first(visitor: FlaskClient) -> None:
    page = visitor.get("/").get_data(as_text=True)
    assert '<html lang="id">' in page
    assert "Satu akun untuk semua layanan ketenagakerjaan" in page


@pytest.mark.parametrize(("path", "indonesian", "english"), [
    ("/privasi", "Kebijakan Privasi</h1>", "Privacy Policy</h1>"),
    ("/syarat", "Syarat &amp; Ketentuan</h1>", "Terms and Conditions</h1>"),
])  # fmt: skip
def test_legal_texts_exist_in_both_languages(visitor: FlaskClient, path: str, indonesian: str, english: str) -> None:
    assert indonesian in visitor.get(path).get_data(as_text=True)
    assert english in visitor.get(path, headers={"Accept-Language": "en-GB,en;q=0.9"}).get_data(as_text=True)


AGREED = {"2026-11": "6fd848e77dd0e17956cadbde85b665b5519d29e72d66a133191112c9bf717de3"}


def test_other_legal_texts_are_another_version() -> None:
    """Each account says which version was agreed to: whoever changes a text raises `TERMS` in idp/accounts/model.py."""
    texts = sorted((Path(pages.__file__).parents[2] / "templates/pages/legal").iterdir())
    assert hashlib.sha256(b"".join(text.read_bytes() for text in texts)).hexdigest() == AGREED[TERMS]


def test_the_version_is_told(visitor: FlaskClient) -> None:
    for path in ("/privasi", "/syarat"):
        assert f"Versi {TERMS}" in visitor.get(path).get_data(as_text=True)


def test_the_switch_changes_the_language_and_keeps_the_place(visitor: FlaskClient) -> None:
    answer = visitor.post("/bahasa", data={"bahasa": "en", "kembali": "/privasi?a=1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/privasi?a=1")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Max-Age" not in cookie
    assert "Privacy Policy</h1>" in visitor.get("/privasi").get_data(as_text=True)


def test_the_switch_knows_no_third_language(visitor: FlaskClient) -> None:
    assert "Set-Cookie" not in visitor.post("/bahasa", data={"bahasa": "xx", "kembali": "/"}).headers


def test_a_persons_own_choice_outranks_what_service_and_browser_ask_for(visitor: FlaskClient) -> None:
    asks = {"Accept-Language": "id"}
    assert '<html lang="en">' in visitor.get("/?ui_locales=fr en-US id", headers=asks).get_data(as_text=True)
    visitor.set_cookie("bahasa", "id")
    assert '<html lang="id">' in visitor.get("/?ui_locales=en", headers={"Accept-Language": "en"}).get_data(as_text=True)


def test_a_language_that_the_browser_refuses_is_not_chosen(visitor: FlaskClient) -> None:
    assert '<html lang="id">' in visitor.get("/", headers={"Accept-Language": "fr, en;q=0"}).get_data(as_text=True)


def test_another_site_cannot_press_the_switch(visitor: FlaskClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}):
        answer = visitor.post("/bahasa", data={"bahasa": "en", "kembali": "/"}, headers=headers)
        assert answer.status_code == 400
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("elsewhere", [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example", "/\n/evil.example",
    "javascript:alert(1)", "evil.example", "", "\\\\evil.example", " //evil.example",
])  # fmt: skip
def test_the_switch_never_leads_to_another_site(visitor: FlaskClient, elsewhere: str) -> None:
    assert same_site_path(elsewhere) == "/"
    assert visitor.post("/bahasa", data={"bahasa": "en", "kembali": elsewhere}).headers["Location"] == "/"


def test_the_outbox_shows_what_was_not_sent(app: Flask, visitor: FlaskClient) -> None:
    with app.app_context():
        outbox.append("sms", "+6281234562797", "", "Kode OTP <b>123456</b>")
    assert "Kode OTP &lt;b&gt;123456&lt;/b&gt;" in visitor.get("/dev/outbox").get_data(as_text=True)


def test_there_is_no_outbox_in_production(app: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    known = app.extensions["idp.settings"]
    monkeypatch.setitem(app.extensions, "idp.settings", known.model_copy(update={"environment": "production"}))
    assert visitor.get("/dev/outbox").status_code == 404


def test_health_asks_nobody(app: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "idp.storage.redis_store", redis_store.connect("redis://127.0.0.1:1/0"))
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_ready_when_all_parts_answer(visitor: FlaskClient) -> None:
    assert visitor.get("/readyz").status_code == 200


def test_not_ready_names_the_part_that_fails_and_nothing_of_it(
    app: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "idp.storage.redis_store", redis_store.connect("redis://127.0.0.1:1/0"))
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "failing: store\n")


def test_a_wrong_address_gets_a_page_with_a_reference_and_a_way_on(visitor: FlaskClient) -> None:
    answer = visitor.get("/tidak-ada")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 404
    assert 'data-error="not_found"' in page and "data-reference" in page and "WIB" in page and 'href="/"' in page


def test_a_wrong_method_names_the_right_ones(visitor: FlaskClient) -> None:
    answer = visitor.get("/bahasa")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert 'data-error="method_not_allowed"' in answer.get_data(as_text=True)


def test_error_pages_speak_english_too(visitor: FlaskClient) -> None:
    page = visitor.get("/tidak-ada", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "Page not found" in page and "Reference:" in page


def test_logos_of_services_on_this_machine_are_shown_in_development_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """U12: the demo's logos come over http from loopback, which no page of production loads."""

    def sources() -> str:
        policy = app.test_client().get("/").headers["Content-Security-Policy"]
        return next(part for part in policy.split("; ") if part.startswith("img-src"))

    assert sources() == "img-src 'self' https: data: http://127.0.0.1:* http://localhost:*"
    known = app.extensions["idp.settings"]
    monkeypatch.setitem(app.extensions, "idp.settings", known.model_copy(update={"environment": "production"}))
    assert sources() == "img-src 'self' https: data:"
