"""Starts clients that we did not write: each a process, or a page in Chromium, of its own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from idp.oidc.clients.client import Client
from tests import loopback, stores
from tests.conftest import ROOT, House
from tests.simple_browser import Form, Page, SimpleBrowser
from tests.waiting import wait_until

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"


def arrive(browser: SimpleBrowser) -> Page:
    """Follows the browser to wherever it was sent, service and provider by turns, until a page stands still."""
    for _ in range(8):
        if browser.url_of_service is None:
            return browser.page
        browser.open(browser.url_of_service)
    raise AssertionError(f"never arrives: {browser.url_of_service}")


def visit(browser: SimpleBrowser, url: str) -> Page:
    """Opens a page of a service, or the page of ours that it sends to."""
    browser.open(url)
    return arrive(browser)


def send_from(browser: SimpleBrowser, form: Form) -> Page:
    """Sends a form of a service, as browsers do: with the service's origin."""
    request = browser.prepare(form)
    request.headers["Origin"] = form.action[: form.action.index("/", 8)]
    browser.open(urljoin(form.action, browser.send(request).headers["Location"]))
    return arrive(browser)


def move(house: House, client_id: str, address: str, **changes: Any) -> Client:
    """Registers a demo client's entry for a service that listens elsewhere."""
    moved: dict[str, Any] = {
        "client_uri": f"{address}/",
        "redirect_uris": (f"{address}/callback",),
        "post_logout_redirect_uris": (f"{address}/",),
        # Those of the demo's own service, which is not there.
        "backchannel_logout_uri": None,
        "frontchannel_logout_uri": None,
    }
    entry: Client = house.clients[client_id].model_copy(update=moved | changes)
    house.app.extensions["idp.clients"].known[client_id] = entry
    return entry


@pytest.fixture
def start() -> Iterator[Callable[..., str]]:
    """Starts a service as a process on a free port, waits until it answers; the address. Stops it in the end."""
    running: list[subprocess.Popen[bytes]] = []

    def started(*command: str, port: int, cwd: Path = ROOT, **environment: str) -> str:
        own = os.environ | environment | {"PORT": str(port)}
        running.append(subprocess.Popen(command, cwd=cwd, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return _when_it_answers(running[-1], f"http://127.0.0.1:{port}")

    yield started
    for process in running:
        process.terminate()
    for process in running:
        process.communicate(timeout=60)


def _when_it_answers(process: "subprocess.Popen[bytes]", address: str) -> str:
    def answers() -> bool:
        assert process.poll() is None, process.communicate()[1].decode()
        try:
            loopback.get(address)
        except httpx.TransportError:
            return False
        return True

    wait_until(answers, 240)  # seconds: some begin with a table, or a virtual machine of their own
    return address


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ports that nobody listens on."""
    return stores.free_port


@pytest.fixture
def person(person: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """People whose browsers are closed in the end: Node keeps connections open, and would wait for them."""
    met: list[Any] = []

    def made(name: str = "Siti") -> Any:
        met.append(person(name))
        return met[-1]

    yield made
    for somebody in met:
        somebody.browser.client.close()
