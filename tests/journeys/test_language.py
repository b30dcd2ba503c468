"""Languages along the corridor: everything on a page is in the one that was chosen, and choosing loses nothing."""

import html
import re
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from tests.simple_browser import Page, SimpleBrowser


def switches_to(browser: SimpleBrowser, tag: str, **typed: str) -> Page:
    """Presses the switch at the top of the page, with what stands in the page's form by then."""
    form = next(form for form in browser.page.forms if ("bahasa", tag) in form.buttons)
    return browser.submit(form=form, button=("bahasa", tag), **typed)


def test_a_service_is_called_in_the_language_of_the_page(person, service, issuer, clock):
    """U17: a service's name was that of the language in which the request began, and Indonesian after signing out."""
    siti, training = person("Siti"), service("pelatihan")
    page = training.sends(siti.browser)
    assert "Kembali ke Pelatihan" in page.text and "Training" not in page.text
    page = types_and_switches(siti.browser, "en", identifier="")
    assert "Back to Training" in page.text and "Sign in to continue to Training" in page.text
    assert "Pelatihan" not in page.text
    waiting = page.url
    siti.browser.submit(identifier="x", password="y")
    assert "Back to Training" in siti.browser.page.text and "Pelatihan" not in siti.browser.page.text
    clock.shift(31 * 60)
    gone = siti.browser.open(waiting)
    assert gone.error == "gone" and "Training" in gone.text and "Pelatihan" not in gone.text
    signed_out = siti.browser.open("/logout?client_id=pelatihan")
    assert "Back to Training" in signed_out.text and "Pelatihan" not in signed_out.text


def types_and_switches(browser: SimpleBrowser, tag: str, **typed: str) -> Page:
    """Presses the switch of a page with something to type: it sends the page's own form to where languages are chosen."""
    form = browser.page.form(*typed)
    address = re.search(r'formaction="([^"]*)"', browser.page.source)
    assert address and f'form="{form.id}"' in browser.page.source
    moved = replace(form, action=urljoin(browser.page.url, html.unescape(address[1])))
    return browser.submit(form=moved, button=("bahasa", tag), **typed)


def test_what_was_typed_survives_the_change_of_language_and_no_secret_does(person, service):
    """U16: registration and sign-in, up to the fields that a page never shows again."""
    budi = person("Budi")
    browser = budi.browser
    service("wlkp").sends(browser, prompt="create")
    page = types_and_switches(browser, "en", nik=budi.nik, name="budi <s>", mothers_name="Sri Wahyuni")
    assert page.heading == "Register for an account"
    fields = page.form("nik", "name").fields
    assert (fields["nik"], fields["name"], fields.get("mothers_name", "")) == (budi.nik, "budi <s>", "")
    assert "Sri Wahyuni" not in page.source and "problem" not in page.text
    assert browser.open(page.url).form("nik").fields.get("nik", "") == "", "once, and to nobody who comes later"
    budi.proves_identity()
    page = types_and_switches(browser, "id", email="budi@", phone="0812", password="Matahari!7terbit")
    fields = page.form("email", "phone").fields
    assert (fields["email"], fields["phone"], fields.get("password", "")) == ("budi@", "0812", "")
    assert "Matahari!7terbit" not in page.source + str(dict(browser.client.cookies))
    assert budi.gives_contacts().heading == "Verifikasi"


def test_what_was_typed_is_sealed_for_its_own_page(person, service, clock):
    """U16: the browser carries it, and nobody reads it there, sends it to another page, or keeps it for later."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser)
    form = siti.browser.page.form("identifier")
    here = urlsplit(siti.browser.page.url).path
    asked = siti.browser.prepare(replace(form, action=f"{siti.browser.issuer}/bahasa?kembali={here}"), identifier=siti.email)
    kept = siti.browser.send(asked).cookies["typed"]
    assert siti.email not in kept
    elsewhere = here.removesuffix("login") + "register"
    siti.browser.client.cookies.set("typed", kept, path=elsewhere)
    assert siti.email not in siti.browser.open(elsewhere).source
    siti.browser.send(asked)
    clock.shift(61)
    assert siti.email not in siti.browser.open(here).source


def test_another_language_after_signing_out(person, service, issuer):
    """U16: the page after our own question stood at an address that only takes forms: 405 in the other language."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.open("/logout?client_id=wlkp")
    page = siti.browser.submit(button=("confirm", "yes"))
    assert page.heading == "Anda sudah keluar" and "Kembali ke WLKP Online" in page.text
    page = switches_to(siti.browser, "en")
    assert (page.status, page.heading) == (200, "You are signed out") and "Back to WLKP Online" in page.text


def test_an_error_page_after_a_form_leads_on_in_the_other_language(issuer):
    """U16: wherever only forms are taken, the switch leads to a page that can be opened."""
    for path in ("/account/sessions/end", "/account/stay", "/logout/confirm"):
        browser = SimpleBrowser(issuer)
        refused = browser.client.post(issuer + path, headers={"Origin": "https://evil.example"})
        browser.page = Page(str(refused.url), refused.status_code, refused.text)
        assert browser.page.error == "form_expired"
        assert switches_to(browser, "en").status == 200


def test_an_id_token_stays_in_no_address_bar(person, service):
    """U22: the signed-out page is at an address of its own, with its way back."""
    siti, wlkp = person("Siti"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(wlkp)
    hint = wlkp.tokens["id_token"]
    page = siti.browser.open(f"/logout?id_token_hint={hint}")
    assert page.heading == "Anda sudah keluar" and "Kembali ke WLKP Online" in page.text
    assert hint not in page.url and hint not in page.source


def test_a_second_tab_needs_no_second_password(person, service, clock):
    """U21: the tab that still shows the sign-in page goes on by itself when it is loaded again; once it has asked for more, it
    asks, and never goes round."""
    siti, wlkp, jkp = person("Siti"), service("wlkp"), service("jkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    clock.shift(61)
    second, strict = siti.browser.clone(), siti.browser.clone()
    jkp.sends(second)
    wlkp.sends(strict, prompt="login")
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    second.open(second.page.url)
    assert jkp.receives(second)["sub"] == wlkp.claims["sub"]
    assert strict.open(strict.page.url).heading == "Masuk"
    assert strict.open(strict.page.url).heading == "Masuk"
