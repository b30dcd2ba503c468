"""Error pages: what happened, what to do, a reference, and the way back; in the words that were agreed."""

import pytest
import time_machine
from flask import Flask, g

from idp.core import clock
from idp.interaction.pending import Interaction
from idp.web import error_pages, requests

SERVICE = {
    "name": "Pelatihan <Kerja>",
    "client_uri": "https://pelatihan.example",
    "logo_uri": "https://pelatihan.example/l.svg",
}
NAMED = "Pelatihan &lt;Kerja&gt;"


def waiting(**facts: object) -> Interaction:
    known = {
        "id": "a" * 22,
        "browser": "x",
        "request": {},
        "service": SERVICE,
        "expires_at": clock.timestamp() + 60,
    }
    return Interaction(**(known | facts))  # type: ignore[arg-type]


def page(app: Flask, status: int, error: str, inside: Interaction | None = None, **facts: object) -> str:
    path = f"/interaction/{inside.id}/login" if inside else "/x"
    with app.test_request_context(path):
        if inside:
            g.interaction = inside
        answer = error_pages.error_page(status, error, **facts)
        assert answer.status_code == status
        text = answer.get_data(as_text=True)
        assert f'data-error="{error}"' in text and f"data-reference>{requests.reference()}<" in text and "WIB" in text
        return text


def test_too_many_attempts_says_until_when_and_offers_help(app: Flask) -> None:
    with time_machine.travel("2026-03-02T05:00:00Z", tick=False):
        text = page(app, 429, "too_many_attempts", waiting(owed=["login"]), retry_after=541)
    assert "Terlalu banyak percobaan" in text
    assert "Demi keamanan, coba lagi dalam 10 menit (pukul 12.09 WIB)." in text
    assert "Kendala Masuk ke Akun?" in text


def test_a_long_wait_names_the_day(app: Flask) -> None:
    with time_machine.travel("2026-03-02T05:00:00Z", tick=False):
        assert "coba lagi mulai 3 Maret 2026 pukul 12.00 WIB" in page(app, 429, "too_many_attempts", retry_after=86400)


def test_help_is_not_offered_to_who_has_signed_in(app: Flask) -> None:
    assert "Kendala Masuk ke Akun?" not in page(app, 429, "too_many_attempts", waiting(owed=["consent"]), retry_after=60)


@pytest.mark.parametrize(("error", "reason", "words"), [
    ("registry_unavailable", "outage", "Pemeriksaan data sedang terganggu"),
    ("registry_unavailable", "quota", "Coba lagi besok"),
    ("registry_unavailable", "closed", "di luar jam layanan"),
    ("delivery_failed", "refused", "Kode belum dapat dikirim"),
    ("temporarily_unavailable", None, "Layanan sedang sibuk"),
])  # fmt: skip
def test_an_outage_is_not_the_persons_fault(app: Flask, error: str, reason: str | None, words: str) -> None:
    text = page(app, 503, error, **({"reason": reason} if reason else {}))
    assert words in text and "Bukan kesalahan Anda" in text and "Coba lagi</a>" in text


def test_what_is_gone_leads_back_to_the_service(app: Flask) -> None:
    text = page(app, 410, "gone", service=SERVICE)
    assert f"Kembali ke {NAMED}, lalu pilih Masuk sekali lagi." in text
    assert 'href="https://pelatihan.example"' in text
    assert "Kembali ke layanan yang Anda tuju" in page(app, 410, "gone", service={})


def test_inside_an_interaction_the_way_back_is_a_post_that_cancels(app: Flask) -> None:
    text = page(app, 500, "server_error", waiting())
    assert f'action="/interaction/{"a" * 22}/cancel"' in text and f"Kembali ke {NAMED}" in text


@pytest.mark.parametrize(("error", "words"), [
    ("form_expired", "Formulir ini sudah tidak berlaku"),
    ("bad_request", "Permintaan tidak dapat dibaca"),
    ("invalid_request", "Permintaan layanan tidak dapat dilanjutkan"),
])  # fmt: skip
def test_a_bad_request_says_whose_it_was(app: Flask, error: str, words: str) -> None:
    assert words in page(app, 400, error)


@pytest.mark.parametrize("status", [403, 404, 405, 413, 418, 500])
def test_every_status_has_its_page(app: Flask, status: int) -> None:
    assert "<h1>" in page(app, status, "some_error")


def test_what_was_asked_is_not_written_into_the_page(app: Flask) -> None:
    with app.test_request_context("/x", query_string={"q": '"><script>alert(1)</script>'}):
        assert "<script>alert" not in error_pages.error_page(404, "not_found").get_data(as_text=True)


def test_the_service_may_ask_for_a_language(app: Flask) -> None:
    assert "Page not found" in page(app, 404, "not_found", waiting(request={"ui_locales": "fr en"}))
    assert "Page not found" in page(app, 404, "not_found", waiting(locale="en"))
    assert "Halaman tidak ditemukan" in page(app, 404, "not_found", waiting(request={"ui_locales": "id"}, locale="en"))


CROSS = {"Sec-Fetch-Site": "cross-site"}


def test_a_browser_without_cookies_is_told_so(app: Flask) -> None:
    """U11: it was told to sign in once more, for ever."""
    visitor = app.test_client(use_cookies=False)
    from tests.relying_party import RelyingParty

    begun = visitor.get(RelyingParty.of_demo("http://localhost", "wlkp").url().removeprefix("http://localhost"), headers=CROSS)
    page = visitor.get(begun.location, headers=CROSS)
    assert (page.status_code, 'data-error="cookies_off"' in page.text) == (400, True)
    assert "Izinkan cookie untuk" in page.text
    sent = visitor.post(begun.location, data={"identifier": "x"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (sent.status_code, 'data-error="cookies_off"' in sent.text) == (400, True)


def test_who_was_never_here_is_not_told_of_cookies(app: Flask) -> None:
    """U11: a link from a message, opened in another browser, is over; and so is one in a browser that shows cookies."""
    place = "/interaction/" + "A" * 22
    assert app.test_client().get(place, headers={"Sec-Fetch-Site": "none"}).status_code == 410
    assert app.test_client().get(place).status_code == 410
    visitor = app.test_client()
    visitor.set_cookie("bahasa", "id")
    assert visitor.get(place, headers=CROSS).status_code == 410
