"""npm's oidc-client-ts in Chromium: a public client, a page on another origin without any server of its own."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from idp.oidc.clients.client import Client
from tests.browser.tab import DEADLINE_MS
from tests.conftest import House
from tests.interop.conftest import HERE, MODULES

FILES = {
    "/": (HERE / "oidc_client_ts" / "index.html", "text/html"),
    "/page.js": (HERE / "oidc_client_ts" / "page.js", "text/javascript"),
    "/oidc-client-ts.min.js": (MODULES / "oidc-client-ts/dist/browser/oidc-client-ts.min.js", "text/javascript"),
}


class Static(BaseHTTPRequestHandler):
    """Three files."""

    def do_GET(self) -> None:
        """One of them."""
        path, kind = FILES.get(self.path.partition("?")[0], (None, ""))
        body = path.read_bytes() if path else b""
        self.send_response(200 if path else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def spa() -> Iterator[str]:
    """The origin of the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Static)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """One page of a browser of its own."""
    context = chromium.new_context(locale="id-ID")
    page = context.new_page()
    page.set_default_timeout(DEADLINE_MS)
    yield page
    context.close()


def entry(spa: str, **changes: Any) -> Client:
    """The page as a public client."""
    facts: dict[str, Any] = {
        "client_id": "spa", "client_name": "Halaman", "client_uri": f"{spa}/", "redirect_uris": (f"{spa}/",),
        "post_logout_redirect_uris": (f"{spa}/",), "token_endpoint_auth_method": "none", "cors_origins": (spa,), "first_party": True,
    }  # fmt: skip
    return Client(**facts | changes)


def told(tab: Page) -> Any:
    """What the page's script says, when it says it."""
    tab.wait_for_function("document.getElementById('told')?.textContent")
    return json.loads(tab.inner_text("#told"))


def signs_in(tab: Page, spa: str, house: House, somebody: Any) -> Any:
    """From the page to ours and back."""
    tab.goto(f"{spa}/?issuer={house.issuer}")
    assert told(tab) == {"signed_in": False}
    tab.click("#login")
    tab.fill("[name=identifier]", somebody.nik)
    tab.fill("[name=password]", somebody.password)
    tab.press("[name=password]", "Enter")
    tab.wait_for_url(f"{spa}/**")
    return told(tab)


@pytest.fixture
def siti(person: Callable[..., Any], service: Callable[..., Any]) -> Any:
    """Siti, with an account."""
    somebody = person("Siti")
    service("wlkp").sends(somebody.browser, prompt="create")
    somebody.registers()
    return somebody


def test_a_page_signs_in_and_out(spa: str, tab: Page, house: House, siti: Any) -> None:
    """Discovery, token and userinfo are called across origins by the browser itself."""
    house.app.extensions["idp.clients"].known["spa"] = entry(spa)
    profile = signs_in(tab, spa, house, siti)["profile"]
    assert (profile["name"], profile["email"]) == (siti.full_name, siti.email)
    tab.reload()
    assert told(tab) == {"signed_in": True}
    tab.click("#logout")
    tab.wait_for_url(f"{spa}/?state=**")
    assert told(tab) == {"left": True}


def test_a_page_of_an_origin_that_is_not_registered_gets_nothing(spa: str, tab: Page, house: House, siti: Any) -> None:
    """Without its origin in the entry Chromium keeps the answer of the token endpoint from it."""
    house.app.extensions["idp.clients"].known["spa"] = entry(spa, cors_origins=())
    assert "Failed to fetch" in signs_in(tab, spa, house, siti)["error"]
