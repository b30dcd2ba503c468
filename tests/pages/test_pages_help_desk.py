"""Who helps, on every page of trouble and in every footer; the strip that tells our address; the front page's services."""

from typing import Any

import pytest
from flask import Flask

from idp.core.settings import ConfigError, load_settings
from tests.simple_browser import Page, SimpleBrowser

DESK: dict[str, Any] = {
    "help_phone": "(021) 5255 733",
    "help_whatsapp": "628119521500",
    "help_hours": "Senin–Jumat 08.00–16.00 WIB",
    "help_url": "https://bantuan.example.go.id/tanya",
    "help_address": "Jalan Contoh 51, Jakarta",
}
TROUBLE = ["/tidak-ada", "/bukan-saya", "/interaction/AAAAAAAAAAAAAAAAAAAAAA"]


def opened(app: Flask, path: str) -> Page:
    answer = app.test_client().get(path)
    return Page("http://localhost" + path, answer.status_code, answer.text)


@pytest.fixture
def desk(here: Flask) -> Flask:
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update=DESK)
    return here


@pytest.mark.parametrize("path", TROUBLE)
def test_the_help_desk_is_on_every_page_of_trouble(desk: Flask, path: str) -> None:
    """U8: the page asks for the reference to be told, and says to whom."""
    page = opened(desk, path)
    for told in (DESK["help_phone"], DESK["help_whatsapp"], DESK["help_hours"], DESK["help_address"]):
        assert told in page.text
    addresses = [href for _, href in page.links]
    assert {"tel:0215255733", "https://wa.me/628119521500", DESK["help_url"]} <= set(addresses)
    assert "Butuh bantuan?" in page.text


@pytest.mark.parametrize("path", ["/", "/privasi", "/authorize"])
def test_the_help_desk_is_in_every_footer(desk: Flask, path: str) -> None:
    """U8."""
    assert "tel:0215255733" in [href for _, href in opened(desk, path).links]


CLOSED_DOORS = [
    "login/assurance", "login/deleting", "login/locked", "login/recovery_answered", "login/recovery_ask", "recovery/attention",
    "recovery/limited", "recovery/refused", "recovery/unknown", "recovery/veto/answered", "recovery/veto/ask",
    "recovery/veto/used", "recovery/waiting", "registration/attention", "registration/known",
]  # fmt: skip


@pytest.mark.parametrize("name", CLOSED_DOORS)
def test_every_page_of_a_closed_door_says_who_helps(name: str) -> None:
    """U8: pages that only some journeys reach call the same block."""
    from pathlib import Path

    source = (Path(__file__).resolve().parents[2] / f"templates/{name}.html").read_text()
    assert "{% block help %}{{ help.block(help_desk()) }}{% endblock %}" in source


def test_what_is_not_set_is_not_shown(here: Flask) -> None:
    """U8: without settings there is the ministry's help page, and no empty number."""
    page = opened(here, "/tidak-ada")
    assert "https://bantuan.kemnaker.go.id" in [href for _, href in page.links]
    assert "tel:" not in page.source and "wa.me" not in page.source and "Jam layanan" not in page.text


@pytest.mark.parametrize(("name", "value"), [
    ("IDP_HELP_URL", "http://bantuan.example"), ("IDP_HELP_URL", "javascript:alert(1)"), ("IDP_HELP_PHONE", "<b>1</b>"),
    ("IDP_HELP_WHATSAPP", "12"),
])  # fmt: skip
def test_what_cannot_be_dialled_or_opened_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """U8: a mistake is one sentence at start-up, and no dead link on a page of trouble."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        load_settings()


def test_every_page_tells_the_address_that_people_compare(here: Flask, issuer: str) -> None:
    """U23: the strip names the host of the issuer, never one that a request claims."""
    answer = here.test_client().get("/", headers={"Host": "siapkerja.evil.example"})
    page = Page("http://localhost/", 200, answer.text)
    host = issuer.removeprefix("http://")
    assert f"Situs resmi Kementerian Ketenagakerjaan RI · pastikan alamatnya {host}" in page.text
    assert "evil.example" not in answer.text


def test_the_front_page_shows_the_services(here: Flask) -> None:
    """U6: each service of clients.yaml that says where people begin is a card, with its name and its logo."""
    page = opened(here, "/")
    for client in here.extensions["idp.clients"].all():
        assert (client.name("id"), str(client.client_uri)) in [(" ".join(words.split()), href) for words, href in page.links]
        assert f'src="{client.logo_uri}"' in page.source
    assert len(here.extensions["idp.clients"].all()) == 3


def test_a_service_that_nobody_can_visit_is_no_card(here: Flask) -> None:
    """U6: a machine's client has no page to open; one that begins a sign-in has."""
    known = here.extensions["idp.clients"].known
    known["wlkp"] = known["wlkp"].model_copy(update={"client_uri": None, "initiate_login_uri": None})
    known["jkp"] = known["jkp"].model_copy(update={"client_uri": None})
    page = opened(here, "/")
    assert "WLKP Online" not in page.text
    assert any(href.startswith("http://127.0.0.1:5002/login?iss=") for _, href in page.links)


def test_the_sign_in_page_in_its_order(issuer: str, service: Any) -> None:
    """U23: the fields, Masuk, Daftar Sekarang as a button, and the passkey as the quietest of them."""
    browser = SimpleBrowser(issuer)
    source = service("wlkp").sends(browser).source
    main = source[source.index("<main") :]
    places = [main.index(part) for part in ('name="identifier"', 'name="password"', ">Masuk</button>", ">Daftar Sekarang</a>")]
    assert places == sorted(places)
    assert '<a class="button secondary" href=' in main[: main.index(">Daftar Sekarang</a>")]
    assert "button secondary" not in main[main.index(">Daftar Sekarang</a>") :]
    assert f'src="{service("wlkp").redirect_uri.removesuffix("callback")}static/wlkp.svg"' in source
