"""The pages of a recovery by identity in a real browser: with JavaScript and without, at both widths, accessible."""

import json

import pytest

from idp.core.values import ACR_FULL
from tests.browser.conftest import received
from tests.recoveries import DAY, NEW, links, phone_confirms

MUST = json.dumps({"id_token": {"acr": {"essential": True, "value": ACR_FULL}}})
BROWSERS = pytest.mark.parametrize(
    ("javascript", "width", "locale"), [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")]
)


@pytest.fixture
def opened(tab, siti, service, clock):
    """Somebody with an account, and a browser that has told who they are on the way to recover it."""

    def made(javascript, width, locale, quiet=0):
        clock.shift(quiet)
        siti.wlkp, siti.jkp = service("wlkp"), service("jkp")
        one = tab(javascript=javascript, width=width, locale=locale)
        one.open(siti.wlkp.url())
        one.press("a[href$='/recover']")
        one.press("a[href$='/recover/identity']")
        one.fill(nik=siti.nik, name=siti.full_name, mothers_name=siti.mothers_name)
        one.send()
        return siti, one

    return made


def gives_contacts(siti, one, name):
    one.is_sound(f"recovery-contact-{name}")
    one.fill(**NEW, password="Rembulan!8terbit")
    one.send()
    one.fill(code=siti.outbox.code("+6281398765432"))
    one.send()


@BROWSERS
def test_provisional_limited_and_vetoed(opened, javascript, width, locale):
    siti, one = opened(javascript, width, locale, quiet=31 * DAY)
    gives_contacts(siti, one, "provisional")
    one.is_sound("recovery-provisional")
    one.press("main a.button.primary")
    one.fill(identifier=siti.nik, password="Rembulan!8terbit")
    one.send()
    received(siti.wlkp, one)
    one.open(siti.jkp.url(claims=MUST))
    one.is_sound("recovery-limited")
    one.open(siti.jkp.url(acr_values=ACR_FULL))
    one.is_sound("recovery-limited-liked")
    one.press("a[href$='/login']")
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.is_sound("recovery-asked-at-sign-in")
    one.open(links(siti.outbox, siti.e164)[-1])
    one.is_sound("veto-ask")
    one.press("main .button.danger")
    one.is_sound("veto-answered")
    one.reload()
    one.is_sound("veto-used")
    one.open(links(siti.outbox, siti.email)[-1])
    one.is_sound("veto-over")


@BROWSERS
def test_waiting_and_withdrawn(opened, app, javascript, width, locale):
    siti, one = opened(javascript, width, locale)
    phone_confirms(app)
    gives_contacts(siti, one, "waiting")
    one.is_sound("recovery-waiting")
    one.press("main .button.danger")
    one.is_sound("recovery-withdrawn")
    one.open(links(siti.outbox, siti.e164)[0])
    one.is_sound("veto-over-cancelled")
