"""One tab of a real browser. Every deed ends when what it causes has ended: nothing is read or pressed on a page that goes."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
IDS_THAT_STAND_TWICE = "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at)"
TEXT_BOXES = "input:is([type=text], [type=password], [type=email], [type=tel], :not([type])):visible"
GOES_ON = 'meta[http-equiv="refresh"][content^="0;"]'  # the page on the way out to a service, which goes on by itself
# A wait that ends early costs nothing: the bound is for a machine on which everything takes twenty times as long.
DEADLINE_MS = 60_000


@contextmanager
def leaving(page: Page) -> Iterator[None]:
    """Around whatever leads to another page, or to the same one anew: goes on when that page is there, whole.

    A click alone ends when it was done, and the old page stands for some milliseconds more. Whoever reads then reads
    the old page, and who reloads meets a page that is on its way ("Not attached to an active page").
    """
    with page.expect_event("framenavigated", lambda frame: frame == page.main_frame):
        yield
    page.wait_for_load_state("load")
    page.locator(GOES_ON).wait_for(state="detached")
    page.wait_for_load_state("load")


def press(page: Page, what: str | Locator) -> None:
    """Presses what leads to another page, and waits for it."""
    with leaving(page):
        (page.locator(what) if isinstance(what, str) else what).first.click()


def touch(page: Page, what: str | Locator) -> None:
    """Presses what keeps the page, such as a button of its script."""
    (page.locator(what) if isinstance(what, str) else what).click()


class Tab:
    """A page at one width, in one language, with JavaScript or without; services stand where `landing` serves."""

    def __init__(
        self,
        chromium: Browser,
        landing: str,
        *,
        javascript: bool = True,
        width: int = 360,
        locale: str = "id-ID",
        context: BrowserContext | None = None,
    ) -> None:
        self.landing, self.javascript, self.width, self._chromium = landing, javascript, width, chromium
        self.context = context or chromium.new_context(
            java_script_enabled=javascript, viewport={"width": width, "height": 800}, locale=locale
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(DEADLINE_MS)
        self.trouble: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def another(self) -> "Tab":
        """A second tab of the same browser: the same cookies."""
        other = Tab(self._chromium, self.landing, javascript=self.javascript, width=self.width, context=self.context)
        other.trouble = self.trouble
        return other

    # -- going somewhere -------------------------------------------------------------------------------------------------

    def open(self, url: str) -> None:
        """Types an address, and waits until the page is there."""
        self.page.goto(url)

    def reload(self) -> None:
        """Asks for the same page again."""
        self.page.reload()

    def press(self, what: str | Locator) -> None:
        """Presses what leads to another page, and waits for it."""
        press(self.page, what)

    def press_named(self, role: str, words: str) -> None:
        """Presses the button or link with these words, which leads to another page, and waits for it."""
        self.press(self.page.locator("main").get_by_role(role, name=words))  # type: ignore[arg-type]

    def send(self) -> None:
        """Sends the page's first form, and waits for the answer."""
        self.press('main form button[type="submit"]:not(.toggle)')

    def fill(self, **typed: str) -> None:
        """Types into fields by name."""
        for name, value in typed.items():
            self.page.fill(f'main [name="{name}"]', value)

    def arrives(self, url: str | None = None) -> None:
        """Waits until the page is at the service (or at `url`, with `**` for any part) however many redirects lead there."""
        self.page.wait_for_url(url or f"{self.landing}/**")

    # -- what is there ---------------------------------------------------------------------------------------------------

    @property
    def url_of_service(self) -> str | None:
        """Where the service was called, if the tab is there."""
        return self.page.url if self.page.url.startswith(self.landing) else None

    @property
    def heading(self) -> str:
        """The page's heading."""
        return self.page.locator("h1").inner_text()

    @property
    def text(self) -> str:
        """What the page says."""
        return self.page.locator("main").inner_text()

    def is_sound(self, name: str) -> None:
        """Accessible, and not wider than the screen; keeps a picture under `name` when IDP_TEST_SCREENSHOTS says where.

        Without JavaScript nothing can be asked of the page: then there is the picture only.
        """
        if self.javascript:
            read = Axe().run(self.page, options=AXE).response
            # axe is not sure of an id that stands twice and names a field: such a field has no name (U2).
            found = read["violations"] + [unsure for unsure in read["incomplete"] if unsure["id"].startswith("duplicate-id")]
            assert not found, (self.heading, [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found])
            assert not self.page.evaluate(IDS_THAT_STAND_TWICE), self.heading
            for box in self.page.locator(TEXT_BOXES).all():
                # As the browser's accessibility tree has it: what a screen reader says.
                assert re.match(r'- textbox "[^"]+', box.aria_snapshot()), (self.heading, box.aria_snapshot())
            assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width, f"«{self.heading}» is too wide"
        if os.environ.get("IDP_TEST_SCREENSHOTS"):
            self.page.screenshot(path=f"{os.environ['IDP_TEST_SCREENSHOTS']}/{name}-{self.width}.png", full_page=True)

    def close(self) -> None:
        """Closes the browser's context; raises AssertionError when a page's script or policy had a fault."""
        # 4xx answers to what was typed wrongly are told by Chromium as failed loads; everything else is a fault of ours.
        faults = [text for text in self.trouble if "Failed to load resource" not in text]
        self.context.close()
        assert not faults, faults
