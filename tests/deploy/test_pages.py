"""The pages that nginx shows when the provider cannot: seen in Chromium, through nginx, with the policy that it sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests import stores
from tests.deploy import nginx
from tests.deploy.nginx import NAME, Nginx, Upstream

PAGES = {
    "busy": ("/flooded", "Terlalu banyak permintaan sekaligus", "Too many requests at once"),
    "unavailable": ("/authorize?state=x", "Layanan sedang tidak dapat dijangkau", "The service cannot be reached right now"),
    "refused": ("/malformed", "Permintaan ini tidak dapat diproses", "This request cannot be processed"),
}
# Each page by an address of its own; localhost, because browsers name no number to a server that asks for a name.
REACHED = {
    NAME: "localhost",
    "location = /metrics {": "location = /flooded { return 429; } location = /malformed { return 400; } location = /metrics {",
}


@pytest.fixture
def port() -> int:
    """Where the provider will listen, when it does."""
    return stores.free_port()


@pytest.fixture
def front(tmp_path: Path, port: int) -> Iterator[Nginx]:
    """In front of nobody."""
    with nginx.running(tmp_path / "nginx", port, changes=REACHED) as made:
        yield made


@pytest.fixture(params=[(360, "light"), (1280, "dark")], ids=["phone", "screen"])
def tab(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab without JavaScript of ours: the policy of these pages allows none."""
    width, scheme = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 740}, color_scheme=scheme, ignore_https_errors=True, bypass_csp=False
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_sound(name, front, tab):
    """S29: styled under its own policy, no wider than the screen, both languages marked as what they are."""
    address, indonesian, english = PAGES[name]
    faults: list[str] = []
    tab.on("console", lambda message: faults.append(message.text) if "Failed to load resource" not in message.text else None)
    tab.goto(f"https://localhost:{front.port}{address}")
    assert tab.locator("h1").inner_text() == indonesian
    assert tab.locator("section[lang=en] h2").inner_text() == english
    assert tab.evaluate("document.documentElement.scrollWidth") <= tab.viewport_size["width"]
    assert tab.locator("a.first").evaluate("link => getComputedStyle(link).fontWeight") == "600", "the policy lets the style in"
    assert not faults


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_accessible(name, tab):
    """S29: as axe sees it, which needs a script of its own: from the file, where no policy keeps it out."""
    tab.goto((nginx.DEPLOY / "pages" / f"{name}.html").as_uri())
    found = Axe().run(tab).response["violations"]
    assert not found, [violation["id"] for violation in found]


def test_trying_again_goes_on_where_it_stopped(front, port, tab):
    """S29: by the keyboard, with the whole address kept, as soon as the provider is back."""
    tab.goto(f"https://localhost:{front.port}/authorize?client_id=wlkp&state=x")
    tab.keyboard.press("Tab")
    assert tab.locator(":focus").inner_text() == "Coba lagi"
    back = Upstream(port)
    try:
        with tab.expect_response(lambda answer: answer.status == 200):
            tab.keyboard.press("Enter")
        assert "/authorize?client_id=wlkp&state=x" in back.paths
    finally:
        back.close()
