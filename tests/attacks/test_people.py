"""Attacks that ask who has an account: known and unknown are answered alike, and nothing personal leaves by a side door."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine

from tests.conftest import Outbox
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.simple_browser import SimpleBrowser

CHANGING = re.compile(r"[0-9a-f]{32,}|[A-Za-z0-9_-]{20,}|\d{2}[.:]\d{2}")  # tokens, nonces, ids, the time of day
DATES = ("date", "set-cookie", "content-length", "content-security-policy", "location")


@pytest.fixture
def budi(person: Callable[..., Person], service: Callable[..., RelyingParty]) -> Person:
    """Somebody who has an account."""
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    budi.registers()
    return budi


def seen(browser: SimpleBrowser) -> tuple[int, str, str, dict[str, str]]:
    """Everything that can be told apart: status, path, words, headers."""
    last: httpx.Response | None = browser.last
    assert last is not None
    headers = {name: value for name, value in last.headers.items() if name not in DATES}
    path = re.sub(r"/interaction/[^/]+", "/interaction/…", urlsplit(browser.page.url).path)
    return last.status_code, path, CHANGING.sub("…", browser.page.text), headers


def at_the_door(service: Callable[..., RelyingParty], issuer: str) -> SimpleBrowser:
    browser = SimpleBrowser(issuer)
    service("wlkp").sends(browser)
    return browser


def test_signing_in(budi: Person, service: Callable[..., RelyingParty], issuer: str) -> None:
    answers = []
    for identifier in (budi.nik, "9902026911880004", budi.email, "nobody@surat.example", budi.phone, "081299990000"):
        browser = at_the_door(service, issuer)
        browser.submit(identifier=identifier, password="Wrong!2password")
        answers.append(seen(browser))
    assert answers[0][0] in (200, 401, 422)
    for answer in answers[1:]:
        assert answer == answers[0]


@pytest.mark.parametrize("way", ["nomor handphone", "email"])
def test_recovering(
    clock: time_machine.Traveller, budi: Person, service: Callable[..., RelyingParty], issuer: str, outbox: Outbox, way: str
) -> None:
    contact = {"phone": budi.phone} if "handphone" in way else {"email": budi.email}
    others = {"phone": "081299990000"} if "handphone" in way else {"email": "nobody@surat.example"}
    answers = []
    for nik, given in ((budi.nik, contact), (budi.nik, others), ("9902026911880004", contact), ("9902026911880004", others)):
        clock.shift(120)  # one number gets one code a minute, whoever asks
        browser = at_the_door(service, issuer)
        browser.click("Kendala Masuk ke Akun?")
        browser.click(f"Verifikasi lewat {way}")
        browser.submit(nik=nik, **given)
        answers.append(seen(browser))
    # The masked contact is what was typed: the only difference between them.
    masked = [(a[0], a[1], re.sub(r"\S*\*+\S*", "…", a[2]), a[3]) for a in answers]
    assert masked[0][0] == 200
    for answer in masked[1:]:
        assert answer == masked[0]
    assert not outbox.to("+6281299990000") and not outbox.to("nobody@surat.example"), "a stranger gets no code"


def test_nothing_personal_is_in_an_address(budi: Person, service: Callable[..., RelyingParty], issuer: str) -> None:
    """Addresses are kept by browsers, proxies and logs, and sent as Referer."""
    asked: list[str] = []
    browser = at_the_door(service, issuer)
    browser.client.event_hooks["request"].append(lambda request: asked.append(str(request.url)))
    browser.submit(identifier=budi.nik, password=budi.password)
    assert browser.url_of_service is not None
    asked.append(browser.url_of_service)
    for fact in (budi.nik, budi.phone, budi.e164, budi.email, budi.password, "Budi"):
        assert not any(fact in url for url in asked)


def test_nothing_personal_is_in_a_log(
    budi: Person, service: Callable[..., RelyingParty], issuer: str, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = at_the_door(service, issuer)
    browser.submit(identifier=budi.nik, password="Wrong!2password")
    browser.submit(identifier=budi.email, password=budi.password)
    service("wlkp").sends(browser, redirect_uri=f"https://evil.example/{budi.nik}", login_hint=budi.email)
    logged = "".join(capfd.readouterr())
    assert "error_page" in logged, "there are logs"
    for fact in (budi.nik, budi.phone, budi.e164, budi.email, budi.password, "Wrong!2password"):
        assert fact not in logged


def test_no_code_no_token_and_no_cookie_is_in_a_log(
    clock: time_machine.Traveller,
    budi: Person,
    service: Callable[..., RelyingParty],
    issuer: str,
    outbox: Outbox,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Also when they are used, refused, or sent to the wrong place."""
    wlkp, browser = service("wlkp"), SimpleBrowser(issuer)
    wlkp.sends(browser)
    browser.submit(identifier=budi.nik, password=budi.password)
    code = wlkp.answered(browser)["code"]
    assert wlkp.redeem(code).status_code == 200
    secrets = [code, *(wlkp.tokens[name] for name in ("access_token", "id_token")), *browser.client.cookies.values()]
    assert wlkp.userinfo().status_code == 200
    for token in secrets:
        wlkp.post("/introspect", token=token)
        wlkp.redeem(token)
        browser.open(wlkp.url(redirect_uri=f"https://evil.example/{token}", id_token_hint=token))
        browser.open(f"/{token}?code={token}")
    clock.shift(61)  # since the code of the registration
    browser = at_the_door(service, issuer)
    browser.click("Kendala Masuk ke Akun?")
    browser.click("Verifikasi lewat nomor handphone")
    browser.submit(nik=budi.nik, phone=budi.phone)
    sent = outbox.code(budi.e164)
    browser.submit(code=sent)
    logged = "".join(capfd.readouterr())
    assert "error_page" in logged, "there are logs"
    for secret in (*secrets, wlkp.secret):
        assert secret not in logged
    assert not re.search(rf"(?<!\d){sent}(?!\d)", logged)
