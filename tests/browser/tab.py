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
# Links and buttons that stand alone, outside of a sentence, and are less high than a thumb needs (44 px; lists of the footer too).
SMALL_TARGETS = """[...document.querySelectorAll('main a, main button, .foot a, header button, header a:not(.skip)')]
  .filter(e => e.offsetParent && !e.closest('.unseen'))
  .filter(e => e.parentElement.innerText.trim() === e.innerText.trim() || e.matches('button, .button'))
  .map(e => [Math.round(e.getBoundingClientRect().height), e.innerText]).filter(([high]) => high < 44)"""
# As browsers enlarge text alone: the layout's lengths are in rem. Set by script, since the policy lets no page style itself.
TEXT_OF_TWICE_THE_SIZE = "document.documentElement.style.fontSize = '200%'"
WIDER_THAN_THE_SCREEN = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 120)).slice(-4)"""
TEXT_AS_IT_WAS = "document.documentElement.style.fontSize = ''"
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

    def press_key(self, field: str, key: str) -> None:
        """Presses a key in a field which leads to another page, and waits for it."""
        with leaving(self.page):
            self.page.press(f"main {field}", key)

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
            small = self.page.evaluate(SMALL_TARGETS)
            assert not small, f"«{self.heading}» has targets that thumbs miss: {small}"
            self._fits()
        if os.environ.get("IDP_TEST_SCREENSHOTS"):
            self.page.screenshot(path=f"{os.environ['IDP_TEST_SCREENSHOTS']}/{name}-{self.width}.png", full_page=True)

    def _fits(self) -> None:
        """Nothing is wider than the screen: as it is, at 320 px (WCAG 1.4.10), and with text of twice the size (1.4.4)."""
        high = {"height": 800}
        for width, text in ((self.width, TEXT_AS_IT_WAS), (320, TEXT_AS_IT_WAS), (self.width, TEXT_OF_TWICE_THE_SIZE)):
            self.page.set_viewport_size({"width": width, **high})
            self.page.evaluate(text)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            culprits = self.page.evaluate(WIDER_THAN_THE_SCREEN) if wide > width else []
            assert wide <= width, f"«{self.heading}» is {wide} px wide at {width}, text: {text}; {culprits}"
        self.page.evaluate(TEXT_AS_IT_WAS)

    def close(self) -> None:
        """Closes the browser's context; raises AssertionError when a page's script or policy had a fault."""
        # 4xx answers to what was typed wrongly are told by Chromium as failed loads; everything else is a fault of ours.
        faults = [text for text in self.trouble if "Failed to load resource" not in text]
        self.context.close()
        assert not faults, faults
