"""J1 and J2: signing in for a service, and the second service that asks nothing."""

import pytest

from tests import loopback
from tests.simple_browser import SimpleBrowser


@pytest.fixture
def siti(person, service):
    """Somebody registered, whose browser has forgotten it."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    return siti


@pytest.mark.parametrize("identifier", ["nik", "email", "phone"])
def test_a_person_signs_in_with_any_identifier(siti, service, identifier):
    wlkp = service("wlkp")
    page = wlkp.sends(siti.browser)
    assert "Masuk untuk melanjutkan ke WLKP Online" in page.text
    siti.signs_in(getattr(siti, identifier))
    claims = siti.at(wlkp)
    assert claims["amr"] == ["pwd"]
    told = wlkp.userinfo().json()
    assert told["sub"] == claims["sub"] and told["email"] == siti.email and told["name"] == siti.full_name


def test_three_services_one_sign_in(siti, service):
    wlkp, jkp, pelatihan = service("wlkp"), service("jkp"), service("pelatihan")
    wlkp.sends(siti.browser)
    siti.signs_in()
    subject = siti.at(wlkp)["sub"]
    for other in (jkp, pelatihan):
        other.sends(siti.browser)
        assert siti.at(other)["sub"] == subject


def test_prompt_none_is_silent_and_never_shows_a_page(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser, prompt="none")
    assert wlkp.answered(siti.browser)["error"] == "login_required"
    wlkp.sends(siti.browser)
    siti.signs_in()
    first = siti.at(wlkp)
    wlkp.sends(siti.browser, prompt="none")
    again = siti.at(wlkp)
    assert again["auth_time"] == first["auth_time"] and again["sub"] == first["sub"]


def test_going_back_to_the_service_is_access_denied_with_state(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    siti.browser.back_to_service()
    assert wlkp.answered(siti.browser)["error"] == "access_denied"


def test_wrong_password_and_unknown_person_are_told_alike_and_what_was_typed_stays(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    known = siti.signs_in(siti.email, "Bukan#Ini2026")
    assert known.status == 422
    assert "NIK, email, nomor handphone, atau password tidak sesuai." in known.text
    assert known.form("identifier").fields["identifier"] == siti.email
    assert known.form("password").fields["password"] == ""
    unknown = siti.signs_in("siapa@surat.example", "Bukan#Ini2026")
    assert unknown.text.replace("siapa@surat.example", "") == known.text.replace(siti.email, "")
    siti.signs_in()
    siti.at(wlkp)


def test_too_many_tries_say_how_long_to_wait(siti, service):
    service("wlkp").sends(siti.browser)
    for _ in range(5):
        siti.signs_in(siti.email, "Bukan#Ini2026")
    page = siti.signs_in(siti.email, siti.password)
    assert page.status == 429
    assert "Terlalu banyak percobaan" in page.text and "WIB" in page.text
    assert "Kendala Masuk ke Akun?" in page.text


def test_logout_from_a_service_ends_the_session_everywhere(siti, service):
    wlkp, jkp = service("wlkp"), service("jkp")
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    siti.browser.open(wlkp.logout_url())
    assert siti.browser.url_of_service == "http://127.0.0.1:5001/?state=bye"
    jkp.sends(siti.browser, prompt="none")
    assert jkp.answered(siti.browser)["error"] == "login_required"
    assert wlkp.userinfo().status_code == 401


def test_logout_without_a_registered_address_shows_the_signed_out_page(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    page = siti.browser.open(wlkp.logout_url(post_logout_redirect_uri="https://evil.example/"))
    assert siti.browser.url_of_service is None
    if page.heading != "Anda sudah keluar":
        page = siti.browser.submit(button=("confirm", "yes"))
    assert page.heading == "Anda sudah keluar"
    wlkp.sends(siti.browser, prompt="none")
    assert wlkp.answered(siti.browser)["error"] == "login_required"


def test_prompt_login_asks_once_and_not_twice(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    page = wlkp.sends(siti.browser, prompt="login")
    assert page.heading == "Masuk"
    siti.signs_in()
    siti.at(wlkp)


def test_two_tabs_have_one_winner_each_and_never_collide(siti, service):
    wlkp, jkp = service("wlkp"), service("jkp")
    wlkp.sends(siti.browser)
    other = siti.browser.clone()
    jkp.sends(other)
    siti.signs_in()
    siti.at(wlkp)
    other.open(other.page.url.rpartition("/")[0])  # the second tab's door: the session is there by now
    assert "code" in jkp.answered(other)


def test_back_and_refresh_are_harmless(siti, service):
    wlkp = service("wlkp")
    page = wlkp.sends(siti.browser)
    door = page.url.rpartition("/")[0]
    siti.browser.open(page.url)
    siti.signs_in()
    siti.at(wlkp)
    again = siti.browser.open(page.url)
    assert again.status == 410 and again.error == "gone"
    assert siti.browser.open(door).status == 410


def test_an_expired_interaction_offers_the_way_back(siti, service, clock):
    wlkp = service("wlkp")
    page = wlkp.sends(siti.browser)
    clock.shift(31 * 60)
    gone = siti.browser.open(page.url)
    assert gone.status == 410
    assert "WLKP Online" in gone.text and gone.link("WLKP Online").startswith("http://127.0.0.1:5001/")


def test_an_interaction_belongs_to_one_browser(siti, service, issuer):
    wlkp = service("wlkp")
    page = wlkp.sends(siti.browser)
    thief = SimpleBrowser(issuer)
    assert thief.open(page.url).status == 410
    form = page.form("identifier", "password")
    stolen = thief.send(thief.prepare(form, identifier=siti.nik, password=siti.password))
    assert stolen.status_code in (400, 410)
    siti.signs_in()
    siti.at(wlkp)


def test_the_session_cookie_changes_at_every_sign_in(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    old = siti.browser.client.cookies["idp_session"]
    wlkp.sends(siti.browser, prompt="login")
    siti.signs_in()
    siti.at(wlkp)
    assert siti.browser.client.cookies["idp_session"] != old
    stolen = SimpleBrowser(siti.browser.issuer)
    stolen.client.cookies.set("idp_session", old)
    wlkp.sends(stolen, prompt="none")
    assert wlkp.answered(stolen)["error"] == "login_required"


def test_a_login_form_from_another_site_is_refused(siti, service):
    page = service("wlkp").sends(siti.browser)
    request = siti.browser.prepare(page.form("identifier", "password"), identifier=siti.nik, password=siti.password)
    request.headers["Origin"] = "https://evil.example"
    assert siti.browser.send(request).status_code == 400


def test_a_login_form_without_its_token_is_refused(siti, service):
    page = service("wlkp").sends(siti.browser)
    request = siti.browser.prepare(
        page.form("identifier", "password"), identifier=siti.nik, password=siti.password, csrf_token=""
    )
    assert siti.browser.send(request).status_code == 400


def test_english_is_complete(siti, service):
    page = service("wlkp").sends(siti.browser, ui_locales="en")
    assert page.attributes["html"]["lang"] == "en"
    assert "Sign in" in page.text and "Masuk" not in page.text


def test_userinfo_of_an_unknown_token_says_so(issuer):
    answer = loopback.get(f"{issuer}/userinfo", headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401 and "invalid_token" in answer.headers["WWW-Authenticate"]
