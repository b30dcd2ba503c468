"""npm's oidc-client-ts in Chromium: a public client, a page on another origin without any server of its own."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from idp.cli import main
from idp.oidc.clients import file
from tests.browser.tab import DEADLINE_MS
from tests.conftest import ROOT, House
from tests.interop.conftest import MODULES

SPA = ROOT / "examples" / "stacks" / "spa"
FILES = {
    "/": (SPA / "index.html", "text/html"),
    "/page.js": (SPA / "page.js", "text/javascript"),
    "/oidc-client-ts.min.js": (MODULES / "oidc-client-ts/dist/browser/oidc-client-ts.min.js", "text/javascript"),
}


class Static(BaseHTTPRequestHandler):
    """The page's files, and the lines that its developer was given."""

    lines = ""

    def do_GET(self) -> None:
        """One of them."""
        name = self.path.partition("?")[0]
        path, kind = FILES.get(name, (None, "text/javascript"))
        body = path.read_bytes() if path else self.lines.encode() if name == "/config.js" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def spa(house: House, tmp_path: Path) -> Iterator[str]:
    """The origin of the page, registered by `idp clients add --for spa`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Given", (Static,), {}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    origin, path = f"http://127.0.0.1:{server.server_port}", tmp_path / "clients.yaml"
    command = ["clients", "add", "spa", "--name", "Halaman", "--for", "spa", "--url", origin, "--first-party", "--write"]
    result = CliRunner().invoke(main, [*command, "--file", str(path)], env={"IDP_ISSUER": house.issuer})
    assert result.exit_code == 0, result.output
    server.RequestHandlerClass.lines = result.stdout  # type: ignore[attr-defined]
    house.app.extensions["idp.clients"].known |= file.load(path)
    yield origin
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


def state(tab: Page) -> str:
    """What the page's script says, when it says it."""
    tab.wait_for_function("document.body.dataset.state")
    return str(tab.evaluate("document.body.dataset.state")) + ": " + tab.inner_text("#told")


def signs_in(tab: Page, spa: str, somebody: Any) -> str:
    """From the page to ours and back."""
    tab.goto(f"{spa}/")
    assert state(tab) == "out: Layanan"
    tab.click("#login")
    tab.fill("[name=identifier]", somebody.nik)
    tab.fill("[name=password]", somebody.password)
    tab.press("[name=password]", "Enter")
    tab.wait_for_url(f"{spa}/**")
    return state(tab)


@pytest.fixture
def siti(person: Callable[..., Any], service: Callable[..., Any]) -> Any:
    """Siti, with an account."""
    somebody = person("Siti")
    service("wlkp").sends(somebody.browser, prompt="create")
    somebody.registers()
    return somebody


def test_a_page_signs_in_and_out(spa: str, tab: Page, siti: Any) -> None:
    """R4: discovery, token and userinfo are called across origins by the browser itself."""
    assert signs_in(tab, spa, siti) == f"in: Selamat datang, {siti.full_name} ({siti.email})"
    tab.reload()
    assert state(tab).startswith("in: ")
    tab.click("#logout")
    tab.wait_for_function("document.body?.dataset.state === 'out'")  # by way of the provider
    assert tab.inner_text("#told") == "Layanan"


def test_a_page_of_an_origin_that_is_not_registered_gets_nothing(spa: str, tab: Page, house: House, siti: Any) -> None:
    """Without its origin in the entry Chromium keeps the answer of the token endpoint from it."""
    known = house.app.extensions["idp.clients"].known
    known["spa"] = known["spa"].model_copy(update={"cors_origins": ()})
    assert "Failed to fetch" in signs_in(tab, spa, siti)
