"""My account: what its owner sees there, and what each button does to everybody else who is signed in."""

import re

import pytest

from tests.simple_browser import SimpleBrowser

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
NEW = "Rembulan!8terbit"


@pytest.fixture
def siti(person, service, clock):
    """Registered at WLKP a minute ago, and still signed in there, on a computer."""
    siti = person("Siti")
    siti.browser.client.headers["User-Agent"] = FIREFOX
    wlkp = service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.subject = siti.at(wlkp)["sub"]
    clock.shift(61)
    return siti


@pytest.fixture
def phone(siti, service, clock):
    """The same person's phone, signed in at JKP."""
    browser = SimpleBrowser(siti.browser.issuer)
    browser.client.headers["User-Agent"] = CHROME
    service("jkp").sends(browser)
    browser.submit(identifier=siti.nik, password=siti.password)
    clock.shift(61)
    return browser


def is_signed_in(browser):
    return SimpleBrowser.open(browser.clone(), "/account").heading == "Akun saya"


def told(siti, words):
    return [any(words in message.text for message in siti.outbox.to(contact)) for contact in (siti.email, siti.e164)]


def test_the_first_page_leads_everywhere_and_every_page_back(siti):
    page = siti.browser.open("/account")
    assert page.heading == "Akun saya"
    assert siti.full_name in page.text
    ways = {href for _, href in page.links if href.startswith("/account/")}
    assert len(ways) >= 5
    for way in ways:
        assert siti.browser.open(way).status == 200, way
        assert siti.browser.click("Akun saya").heading == "Akun saya"


def test_home_knows_the_way(siti):
    siti.browser.open("/")
    assert siti.browser.click("Akun saya").heading == "Akun saya"


def test_home_knows_the_ways_in(siti, person):
    """U6: who came without a service signs in from the front page, or registers, and arrives at the account."""
    siti.browser.forget_session()
    siti.browser.open("/")
    assert siti.browser.click("Masuk").heading == "Masuk"
    assert siti.signs_in().heading == "Akun saya"
    budi = person("Budi")
    budi.browser.open("/")
    assert budi.browser.click("Daftar Sekarang").heading == "Pendaftaran Akun"
    assert budi.registers().heading == "Akun saya"


def test_who_is_not_signed_in_sees_nothing_of_it(siti, house):
    for rule in house.app.url_map.iter_rules():
        if not rule.rule.startswith("/account") or "GET" not in rule.methods or rule.endpoint in OPEN_TO_ALL:
            continue
        browser = SimpleBrowser(siti.browser.issuer)
        path = re.sub(r"<(?:any.(\w+).*?|\w+)>", lambda found: found[1] or "x", rule.rule)
        assert browser.open(path).heading == "Masuk", rule.rule


OPEN_TO_ALL = {"account.callback", "account.register", "account.session_expiry", "account.signed_out"}


def test_personal_data_is_shown_with_the_nik_masked_and_the_road_to_correction(siti):
    page = siti.browser.open("/account/identity")
    assert siti.full_name in page.text
    assert siti.nik not in page.source
    assert "99*****0001" in page.text
    assert "17 Agustus 1990" not in page.text  # the date is the NIK's
    assert "Dinas Dukcapil" in page.text


def test_the_language_is_kept_for_pages_and_messages(siti):
    siti.browser.open("/account/language")
    siti.browser.submit(language="en")
    assert siti.browser.page.heading == "Language"
    siti.browser.forget_session()
    siti.browser.client.headers["Accept-Language"] = "id"
    siti.browser.open("/account/language")
    siti.signs_in()
    assert siti.page.heading == "Language"
    assert siti.browser.submit(language="xx").status == 422


def test_sessions_are_listed_with_device_time_and_services(siti, phone):
    page = siti.browser.open("/account/sessions")
    assert "Firefox · Linux Perangkat ini" in page.text
    assert "Chrome · Android" in page.text
    assert "2 Maret 2026 pukul 12.01 WIB" in page.text
    assert re.search(r"Layanan: .*WLKP", page.text)


def test_one_other_session_is_ended(siti, phone):
    siti.browser.open("/account/sessions")
    form = next(f for f in siti.page.forms if re.search(r"/sessions/[^/]+/end$", f.action))
    siti.browser.submit(form=form)
    assert "Chrome · Android" not in siti.page.text
    assert not is_signed_in(phone)
    assert is_signed_in(siti.browser)


def test_nobody_ends_another_persons_session(siti, phone, person, service, house):
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    budi.registers()
    siti.browser.open("/account/sessions")
    theirs = next(f for f in siti.page.forms if re.search(r"/sessions/[^/]+/end$", f.action))
    budi.browser.open("/account/sessions")
    mine = next(f for f in budi.page.forms if f.action.endswith("/account/sessions/end"))
    mine.action = theirs.action
    budi.browser.submit(form=mine)
    assert is_signed_in(phone)


def test_all_other_sessions_are_ended(siti, phone):
    siti.browser.open("/account/sessions")
    siti.browser.press("/others/end")
    assert not is_signed_in(phone)
    assert is_signed_in(siti.browser)


def test_signing_out_everywhere_ends_what_services_could_go_on_with_and_is_told(siti, phone, service, house):
    directory = house.app.extensions["idp.clients"]
    changes = {"grant_types": ("authorization_code", "refresh_token"), "scope": "openid profile email offline_access"}
    directory.known["jkp"] = directory.known["jkp"].model_copy(update=changes)
    jkp = service("jkp")
    jkp.scope = "openid offline_access"
    jkp.sends(siti.browser, prompt="consent")
    if siti.browser.url_of_service is None:
        siti.browser.submit(button=("decision", "allow"))
    jkp.receives(siti.browser)
    assert jkp.refresh().status_code == 200
    siti.browser.open("/account/sessions")
    assert siti.browser.press("/account/sessions/end").heading == "Anda sudah keluar"
    assert not is_signed_in(phone)
    assert not is_signed_in(siti.browser)
    assert jkp.userinfo().status_code == 401
    assert jkp.refresh().status_code == 400
    assert told(siti, "dikeluarkan dari semua perangkat") == [True, True]
    assert siti.browser.click("Masuk lagi").heading == "Masuk"


def test_the_history_tells_what_happened_with_device_and_time_and_no_place(siti, phone, outbox):
    SimpleBrowser(siti.browser.issuer).open("/account")
    stranger = SimpleBrowser(siti.browser.issuer)
    stranger.open("/account")
    stranger.submit(identifier=siti.nik, password="Bukan#Ini2026")
    page = siti.browser.open("/account/activity")
    assert "Akun dibuat 12.00 WIB · Firefox · Linux" in page.text
    assert "Senin, 2 Maret 2026" in page.text
    assert re.search(r"Masuk ke \S.*? 12.01 WIB · Chrome · Android", page.text)
    assert "Percobaan masuk yang gagal" in page.text
    assert "127.0.0" not in page.source.partition("<main")[2]


def test_the_history_has_pages_and_is_ones_own(siti, phone, house):
    from idp.audit import trail

    with house.app.app_context():
        for n in range(30):
            trail.record("otp_sent", account=siti.subject, number=n)
            trail.record("totp_added", account="somebody-else")
        trail.record("tokens_issued", account=siti.subject)
    page = siti.browser.open("/account/activity")
    assert page.text.count("Laporkan aktivitas ini") == 21  # twenty, and the words above them
    assert "Aplikasi autentikator ditambahkan" not in page.text
    assert "Akun dibuat" not in page.text
    siti.browser.click("Lebih lama")
    assert "Akun dibuat" in siti.page.text
    assert siti.browser.open("/account/activity?before=x").status == 200


def test_reporting_ends_every_other_session_and_leads_to_a_new_password(siti, phone):
    siti.browser.open("/account/activity")
    form = next(f for f in siti.page.forms if f.action.endswith("/report"))
    siti.browser.submit(form=form, button=form.buttons[0])
    assert siti.page.heading == "Laporan Anda diterima"
    assert not is_signed_in(phone)
    assert is_signed_in(siti.browser)
    assert siti.browser.click("Ubah password sekarang").heading == "Ubah password"
    siti.browser.open("/account/activity")
    assert "Aktivitas dilaporkan" in siti.page.text


def changes_the_password(siti, old=None, new=NEW):
    siti.facts.add(new)
    siti.browser.open("/account/password")
    return siti.browser.submit(old=old or siti.password, password=new)


def test_a_new_password_ends_every_other_session_and_is_told(siti, phone, service):
    cookie = siti.browser.client.cookies.get("idp_session")
    assert changes_the_password(siti).heading == "Password Anda sudah diubah"
    assert not is_signed_in(phone)
    assert is_signed_in(siti.browser)
    assert siti.browser.client.cookies.get("idp_session") != cookie  # a copy of the old one opens nothing
    assert told(siti, "diubah") == [True, True]
    phone.open("/account")
    assert phone.submit(identifier=siti.nik, password=siti.password).status == 422
    assert phone.submit(identifier=siti.nik, password=NEW).heading == "Akun saya"


def test_an_open_session_alone_changes_no_password(siti, phone, clock):
    page = changes_the_password(siti, old="Bukan#Ini2026")
    assert page.status == 422
    assert "Password sekarang tidak sesuai." in page.text
    assert is_signed_in(phone)
    clock.shift(20 * 60)
    assert siti.browser.open("/account/password").heading == "Masuk"
    siti.signs_in()
    assert siti.page.heading == "Ubah password"


def test_the_old_password_is_not_to_be_guessed_here(siti):
    for _ in range(5):
        changes_the_password(siti, old="Bukan#Ini2026")
    page = changes_the_password(siti)
    assert page.status == 429
    assert "Terlalu banyak percobaan" in page.text


@pytest.mark.parametrize("weak", ["short1!", "Password1!", "SitiNurhaliza1!"])
def test_a_new_password_keeps_the_rules(siti, weak):
    assert changes_the_password(siti, new=weak).status == 422
    assert siti.page.heading == "Ubah password"


def test_a_page_that_stays_open_asks_before_its_session_ends(siti, clock):
    siti.browser.open("/account/identity")
    after, _, where = siti.browser.last.headers["Refresh"].partition("; url=")
    clock.shift(int(after))
    page = siti.browser.open(where)
    assert page.heading == "Sesi Anda akan berakhir"
    assert re.search(r"pukul \d\d\.\d\d WIB", page.text)
    siti.browser.press("/stay")
    assert siti.page.heading == "Data diri"
    clock.shift(29 * 60)
    assert is_signed_in(siti.browser)


def test_looking_at_the_warning_keeps_nobody_signed_in(siti, clock):
    siti.browser.open("/account/identity")
    clock.shift(29 * 60)
    siti.browser.open("/account/ending?back=/account/identity")
    after, _, where = siti.browser.last.headers["Refresh"].partition("; url=")
    clock.shift(int(after))
    assert siti.browser.open(where).heading == "Sesi Anda telah berakhir"
    siti.browser.click("Masuk lagi")
    siti.signs_in()
    assert siti.page.heading == "Data diri"


def test_staying_after_twelve_hours_is_signing_in_again(siti, clock):
    siti.browser.open("/account")
    for _ in range(12 * 60 // 29):
        clock.shift(29 * 60)
        assert siti.browser.open("/account").heading == "Akun saya"
    siti.browser.open("/account/identity")
    after, _, where = siti.browser.last.headers["Refresh"].partition("; url=")
    assert int(after) < 28 * 60
    clock.shift(int(after))
    siti.browser.open(where)
    assert siti.browser.press("/stay").heading == "Masuk"
    siti.signs_in()
    assert siti.page.heading == "Data diri"
    clock.shift(25 * 60)
    assert is_signed_in(siti.browser)


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/authorize", "/account\\..\\x", "/accountant"])
def test_the_warning_leads_back_into_the_account_only(siti, elsewhere):
    siti.browser.open(f"/account/ending?back={elsewhere}")
    siti.browser.press("/stay")
    assert siti.page.heading == "Akun saya"


def test_leaving_from_any_page(siti):
    siti.browser.open("/account/identity")
    assert siti.browser.press("/logout/confirm").heading == "Anda sudah keluar"
    assert not is_signed_in(siti.browser)
