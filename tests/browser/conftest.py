"""Tabs of a real browser, services that somebody can arrive at, and Siti, who has an account."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.tab import Tab
from tests.relying_party import RelyingParty

PAGE = b"<!doctype html><html lang=id><title>arrived</title><h1>arrived</h1>"


class Landing(BaseHTTPRequestHandler):
    """A service's own pages: somebody has arrived."""

    def do_GET(self):  # the name that http.server looks for
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture(scope="session")
def landing() -> Iterator[str]:
    """Where the services live."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Landing)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(house, landing) -> Callable[[str], RelyingParty]:
    """The demo's relying parties, moved to where somebody listens."""
    return lambda client_id: moved(house.app, house.issuer, client_id, landing)


def moved(app, issuer, client_id, landing) -> RelyingParty:
    """A demo service whose addresses lead to `landing`."""
    known = app.extensions["idp.clients"].known
    addresses = {"redirect_uris": (f"{landing}/callback",), "post_logout_redirect_uris": (f"{landing}/",)}
    known[client_id] = known[client_id].model_copy(update=addresses)
    party = RelyingParty.of_demo(issuer, client_id)
    party.redirect_uri = f"{landing}/callback"
    return party


@pytest.fixture
def tab(chromium, landing) -> Iterator[Callable[..., Tab]]:
    """Opens tabs, each of a browser of its own: `tab(javascript=False, width=1280, locale="en-GB")`."""
    opened: list[Tab] = []

    def new(**options) -> Tab:
        opened.append(Tab(chromium, landing, **options))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture
def siti(person, service, clock):
    """Somebody with an account, registered more than a minute ago."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    clock.shift(61)
    return siti


def received(service: RelyingParty, tab: Tab) -> dict:
    """What the service gets when the browser arrives."""
    tab.arrives()

    class Arrived:
        url_of_service = tab.url_of_service
        page = None

    return service.receives(Arrived)
