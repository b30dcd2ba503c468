"""Typing in a real browser: nothing typed is lost, nothing is spoken at every key, and what only a script can do, works."""

import pytest

from tests.browser.tab import touch

scripts = pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])


@scripts
def test_the_language_may_be_changed_in_the_middle_of_a_form(tab, person, service, javascript):
    """U16: the switch sends the page's own form; Enter in a field still sends it where it belongs."""
    one, budi = tab(javascript=javascript), person("Budi")
    one.open(service("wlkp").url(prompt="create"))
    one.fill(nik=budi.nik, name="Budi Sant", mothers_name=budi.mothers_name)
    one.press("header .languages button:visible")
    assert one.heading == "Register for an account"
    assert one.page.input_value("[name=nik]").replace(" ", "") == budi.nik
    assert (one.page.input_value("[name=name]"), one.page.input_value("[name=mothers_name]")) == ("Budi Sant", "")
    one.fill(name=budi.full_name, mothers_name=budi.mothers_name)
    one.press_key("[name=mothers_name]", "Enter")
    assert one.page.locator("[name=email]").count() == 1, one.text


def test_what_was_typed_comes_back_after_the_warning(tab, siti, service):
    """U16: an open page makes way for the warning that the session ends; the new number is there again, until it is sent."""
    one, issuer = tab(), service("wlkp").issuer
    one.open(issuer + "/account/contacts/phone")
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.arrives("**/account/contacts/phone")
    one.fill(phone="0812 9999 0000")
    one.open(issuer + "/account/ending?back=/account/contacts/phone")  # as the page's own Refresh header does it
    one.press("main form[action$='/stay'] button")
    one.arrives(issuer + "/account/contacts/phone")
    assert one.page.input_value("[name=phone]") == "0812 9999 0000"
    one.press("#form-contact button")
    one.open(issuer + "/account/contacts/phone")
    assert one.page.input_value("[name=phone]") == "", "what was sent is forgotten"


def test_the_count_of_the_nik_is_spoken_when_the_fingers_rest(tab, person, service):
    """U19: a screen reader told it at each of sixteen keys."""
    one, budi = tab(), person("Budi")
    one.page.clock.install()
    one.open(service("wlkp").url(prompt="create"))
    one.page.locator("[name=nik]").press_sequentially(budi.nik)
    assert one.page.inner_text("#nik-count") == "16 dari 16 angka"
    assert one.page.text_content("#nik-count-said") == ""
    one.page.clock.run_for(1100)
    assert one.page.text_content("#nik-count-said") == "16 dari 16 angka"


def test_rules_are_marks_with_a_script_and_words_without(tab, person, service):
    """U15: without a script the five rules looked like buttons to choose from."""
    shapes = []
    for javascript in (True, False):
        one, budi = tab(javascript=javascript), person("Budi")
        one.open(service("wlkp").url(prompt="create"))
        one.fill(nik=budi.nik, name=budi.full_name, mothers_name=budi.mothers_name)
        one.send()
        shapes.append(one.page.locator(".rules.live").count())
    assert shapes == [1, 0]


def test_forced_colours_leave_no_picture_behind_words(tab, service):
    """U19: the dark picture of the band stayed where the person's own colours were wanted."""
    one = tab()
    one.open(service("wlkp").url())
    picture = "getComputedStyle(document.querySelector('.band')).backgroundImage"
    assert "url(" in one.page.evaluate(picture)
    one.page.emulate_media(forced_colors="active")
    assert one.page.evaluate(picture) == "none"


def test_codes_are_copied_and_printed_alone_with_their_owner(tab, siti, service):
    """U20."""
    one, issuer = tab(width=1280), service("wlkp").issuer
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.open(issuer + "/account/methods")
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.arrives("**/account/methods")
    one.press("form[action$='/methods/codes'] button")
    one.press("main form[action$='/send'] button")
    one.fill(code=siti.outbox.code(siti.e164))
    one.send()
    one.arrives("**/account/methods/codes")
    one.is_sound("make-codes")
    one.press("main form[action$='/methods/codes'] button")
    one.is_sound("account-codes")
    codes = one.page.locator(".codes code").all_inner_texts()
    touch(one.page, "[data-copies=recovery-codes]")
    one.page.locator("[data-copies=recovery-codes]", has_text="Tersalin").wait_for()
    assert one.page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    one.page.emulate_media(media="print")
    printed = one.page.inner_text("body")
    assert siti.full_name in printed and all(code in printed for code in codes)
    assert "Keluar" not in printed and "Salin" not in printed and "Kebijakan Privasi" not in printed
