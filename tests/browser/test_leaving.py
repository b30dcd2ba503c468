"""Leaving our pages for a service whose callback leads on to another origin: Chromium follows, with scripts and without."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.conftest import moved

scripts = pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])


@pytest.fixture
def broker(landing) -> Iterator[str]:
    """A service of two hosts: where the answer is taken, and, one redirect later, where its pages are."""

    class Hop(BaseHTTPRequestHandler):
        def do_GET(self):  # the name that http.server looks for
            self.send_response(302)
            self.send_header("Location", landing + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):  # the form post response mode
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(303)
            self.send_header("Location", f"{landing}/posted")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hop)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def two_hops(house, broker):
    return moved(house.app, house.issuer, "wlkp", broker)


@scripts
def test_signing_in_at_a_service_of_two_hosts(tab, siti, two_hops, javascript):
    """U14: the second hop was held against the sign-in form's policy, and the person stayed on a dead page."""
    one = tab(javascript=javascript)
    one.open(two_hops.url())
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.arrives()
    assert "/callback?" in one.page.url and "code=" in one.page.url


@scripts
def test_going_back_to_a_service_of_two_hosts(tab, two_hops, javascript):
    """U14: the same for whoever changes their mind."""
    one = tab(javascript=javascript)
    one.open(two_hops.url())
    one.press("header .way button")
    one.arrives()
    assert "error=access_denied" in one.page.url


def test_an_answer_by_form_post_to_a_service_of_two_hosts(tab, siti, two_hops):
    """U14: the page of the form post response mode may name any address of its scheme; every other page none."""
    one = tab()
    one.open(two_hops.url(response_mode="form_post"))
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.arrives(f"{one.landing}/posted")


def test_signing_out_to_a_service_of_two_hosts(tab, siti, two_hops, person):
    """U14: after our question, too: asked here since the service's hint is of somebody else's sign-in."""
    budi = person("Budi")
    two_hops.sends(budi.browser, prompt="create")
    budi.registers()
    budi.at(two_hops)
    hint = two_hops.tokens["id_token"]
    one = tab()
    one.open(two_hops.url())
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.arrives()
    one.open(two_hops.logout_url(id_token_hint=hint))
    one.press("#form-logout button[value=yes]")
    one.arrives(f"{one.landing}/**")
