"""E-mails in a real browser, as a mail program shows them: at two widths, light and dark, with nothing fetched."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe

from idp import notices
from idp.one_time_codes.message import CodeMessage
from tests.browser.tab import AXE
from tests.notices.test_notices import AT, VETO

MESSAGES = {
    "code": CodeMessage("481516", "recovery-email"),
    "new-device": notices.new_device(AT, "Chrome · Android"),
    "veto": notices.recovery_started(AT, VETO),
}
LOOKS = [(360, "light"), (360, "dark"), (640, "light"), (640, "dark")]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_letter_can_be_read_everywhere(app, chromium, width, scheme):
    """U13: no sideways scrolling with the longest address, enough contrast in both looks, and no request at all."""
    with app.app_context():
        letters = {
            f"{name}-{tag or 'both'}": message.letter(tag, "Siti Nurhaliza Rahayu")
            for name, message in MESSAGES.items()
            for tag in ("id", "en", None)
        }
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name, letter in letters.items():
        page.set_content(letter.html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        found = Axe().run(page, options=AXE).response["violations"]
        # A mail has no landmarks and needs no heading: what is left is names, contrast, languages and structure.
        found = [v for v in found if v["id"] not in ("region", "page-has-heading-one", "landmark-one-main")]
        assert not found, (name, [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found])
        if os.environ.get("IDP_TEST_SCREENSHOTS"):
            page.screenshot(path=f"{os.environ['IDP_TEST_SCREENSHOTS']}/mail-{name}-{width}-{scheme}.png", full_page=True)
    context.close()
    assert asked == []
