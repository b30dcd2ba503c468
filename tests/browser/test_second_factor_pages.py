"""The pages of the second factor in a real browser: with JavaScript and without, at both widths, accessible."""

import pyotp
import pytest

from tests.browser.conftest import received

ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


@pytest.mark.parametrize(("javascript", "width", "locale"), [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")])
def test_set_up_an_app_and_use_it(tab, siti, service, clock, javascript, width, locale):
    wlkp, one = service("wlkp"), tab(javascript=javascript, width=width, locale=locale)
    one.open(wlkp.url(claims=ESSENTIAL))
    one.fill(identifier=siti.email, password=siti.password)
    one.send()
    one.is_sound("second-none")
    one.press("button.secondary")
    one.is_sound("second-sms")
    one.fill(code=siti.outbox.code(siti.e164))
    one.send()
    one.is_sound("app")
    key = one.page.inner_text(".key").replace(" ", "")
    one.fill(code=pyotp.TOTP(key).now())
    one.send()
    one.is_sound("codes")
    code = one.page.locator(".codes code").first.inner_text()
    one.send()
    assert received(wlkp, one)["amr"] == ["pwd", "sms", "otp", "mfa"]
    one.context.clear_cookies()
    clock.shift(61)
    one.open(wlkp.url())
    one.fill(identifier=siti.email, password=siti.password)
    one.send()
    one.is_sound("second-app")
    one.fill(code="000000")
    one.send()
    one.is_sound("second-wrong")
    one.press("a[href$='recovery-code']")
    one.is_sound("recovery-code")
    one.fill(code=code)
    one.send()
    assert received(wlkp, one)["amr"] == ["pwd", "otp", "mfa"]
    one.open(f"{wlkp.issuer}/account/methods")
    one.is_sound("methods")
    one.press("a[href$='/app/remove']")
    one.is_sound("remove")
    one.press("main .button.danger")
    one.press("a[href$='/methods/app']")
    one.is_sound("add-app")
