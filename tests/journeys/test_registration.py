"""J3: registering, on the seed's road and in its words, into the service that sent the person."""

import threading

import pytest

from tests.simple_browser import SimpleBrowser


@pytest.fixture
def siti(person, service):
    """Somebody new, whom WLKP has sent to register."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    return siti


def test_the_seeds_words_are_there(siti, person, service):
    page = siti.page
    for words in ("Pendaftaran Akun", "Sudah memiliki akun?", "Nomor Induk Kependudukan (No. KTP)", "Nama lengkap", "Nama ibu kandung",
                  "Kami tidak menyimpan data ibu kandung Anda. Data ini hanya digunakan untuk memverifikasi identitas Anda.",
                  "Berikutnya", "Dengan melakukan pendaftaran, saya setuju dengan", "Kebijakan Privasi", "Syarat & Ketentuan"):  # fmt: skip
        assert words in page.text, words
    page = siti.proves_identity()
    for words in ("Alamat Email", "Nomor Handphone", "Password", "Minimal 8 karakter", "Terdapat minimal satu huruf kecil",
                  "Terdapat minimal satu huruf besar", "Terdapat minimal satu angka", "Terdapat salah satu simbol: ! @ # $ % ^ & *",
                  "Daftar Sekarang"):  # fmt: skip
        assert words in page.text, words
    page = siti.gives_contacts()
    assert f"Masukkan kode OTP yang telah kami kirim ke 08*****{siti.phone[-4:]}." in page.text
    for words in ("Verifikasi", "Konfirmasi", "Belum menerima kode?", "Kirim Ulang", "Ubah nomor HP",
                  "Jangan pernah membagikan OTP kepada siapa pun, termasuk pihak yang mengaku dari Kemnaker."):  # fmt: skip
        assert words in page.text, words
    page = siti.types_the_code()
    assert "Pendaftaran akun anda telah berhasil." in page.text
    assert "Anda dapat mengakses layanan yang ada di SIAPkerja." in page.text


def test_whoever_registers_arrives_signed_in(siti, service):
    siti.registers()
    claims = siti.at(siti.wlkp)
    assert claims["acr"] == "urn:siapkerja:acr:data"
    told = siti.wlkp.userinfo().json()
    assert told["name"] == siti.full_name and told["email"] == siti.email
    jkp = service("jkp")
    jkp.sends(siti.browser)
    assert siti.at(jkp)["sub"] == claims["sub"]


def test_the_sign_in_page_leads_to_registration(person, service):
    budi, wlkp = person("Budi"), service("wlkp")
    assert wlkp.sends(budi.browser).heading == "Masuk"
    budi.registers()
    budi.at(wlkp)


def test_the_sms_is_the_one_of_the_product(siti, outbox):
    siti.proves_identity()
    siti.gives_contacts()
    (message,) = outbox.to(siti.e164)
    code = outbox.code(siti.e164)
    assert message.text.splitlines() == [
        f"SIAPkerja: Kode OTP Anda {code} untuk mendaftar. Berlaku 10 menit. JANGAN berikan kepada siapa pun, termasuk petugas Kemnaker.",
        f"@127.0.0.1 #{code}",
    ]


def test_facts_that_do_not_match_say_so_without_telling_which_and_keep_what_was_typed(siti):
    page = siti.proves_identity(mothers_name="Bukan BEDA")
    assert page.status == 422 and "Data belum cocok" in page.text and "Sisa percobaan hari ini: 2." in page.text
    form = page.form("nik", "mothers_name")
    assert form.fields["nik"].replace(" ", "") == siti.nik and form.fields["name"] == siti.full_name
    assert form.fields["mothers_name"] == ""
    assert "Bukan BEDA" not in page.source
    siti.registers()


def test_three_wrong_facts_a_day_are_enough(siti):
    for _ in range(3):
        siti.proves_identity(mothers_name="Bukan BEDA")
    page = siti.proves_identity()
    assert page.status == 429 and "Terlalu banyak percobaan" in page.text


def test_a_nik_that_is_not_found_leads_to_the_local_dukcapil(siti):
    page = siti.proves_identity(name="Siti TIADA")
    assert page.heading == "Data kependudukan perlu diperiksa"
    assert "Dinas Dukcapil setempat" in page.text and "KTP-el dan Kartu Keluarga" in page.text
    siti.browser.click("Perbaiki data")
    siti.registers()


@pytest.mark.parametrize("word", ["WAFAT", "GANDA", "NONAKTIF"])
def test_a_record_that_needs_attention_says_what_to_do(siti, word):
    assert siti.proves_identity(name=f"Siti {word}").heading == "Data kependudukan perlu diperiksa"


@pytest.mark.parametrize("word", ["GAGAL", "RUSAK", "JAM", "IP"])
def test_an_outage_of_dukcapil_loses_nothing_and_counts_nothing(siti, word):
    for _ in range(4):
        page = siti.proves_identity(name=f"Siti {word}")
        assert page.status == 503 and "Bukan kesalahan Anda." in page.text
        assert page.form("nik").fields["name"] == f"Siti {word}"
    siti.registers()
    siti.at(siti.wlkp)


def test_a_nik_with_an_account_is_told_only_after_the_facts_match(siti, person, service):
    siti.registers()
    impostor = person("Siti")
    service("jkp").sends(impostor.browser, prompt="create")
    assert "sudah memiliki akun" not in impostor.proves_identity(mothers_name="Bukan BEDA").text
    page = impostor.proves_identity()
    assert page.heading == "NIK ini sudah memiliki akun"
    assert f"nomor berakhiran {siti.phone[-2:]} dan email berawalan s." in page.text
    assert page.link("Masuk") and page.link("Pulihkan akun")


def test_weak_passwords_are_told_which_rule_they_break(siti):
    siti.proves_identity()
    for weak, words in (
        ("kecil#123", "huruf besar"),
        ("Pendek#1"[:6], "Minimal 8"),
        ("Password1!", "terlalu banyak"),
        ("Siti#Nurhaliza7", "nama"),
    ):
        page = siti.gives_contacts(password=weak)
        assert page.status == 422 and words in page.text, weak
        assert page.form("email").fields["email"] == siti.email and weak not in page.source


def test_a_wrong_code_says_how_many_tries_are_left(siti, outbox):
    siti.proves_identity()
    siti.gives_contacts()
    right = outbox.code(siti.e164)
    wrong = "000000" if right != "000000" else "111111"
    assert "Kode OTP salah. Sisa percobaan: 4." in siti.browser.submit(code=wrong).text
    siti.types_the_code()
    assert "telah berhasil" in siti.page.text


def test_a_code_sent_again_and_the_one_before_it_both_count(siti, outbox, clock):
    siti.proves_identity()
    siti.gives_contacts()
    first = outbox.code(siti.e164)
    assert siti.browser.press("/resend").status == 429  # not within the first minute
    clock.shift(61)
    verify = siti.browser.open(str(siti.browser.last.url).replace("/resend", "/verify"))
    assert verify.heading == "Verifikasi"
    siti.browser.press("/resend")
    assert len(outbox.to(siti.e164)) == 2
    siti.facts.add(f"#{first}")
    assert "telah berhasil" in siti.browser.submit(code=first).text


def test_the_number_can_be_changed(siti, outbox):
    siti.proves_identity()
    siti.gives_contacts(phone="081311112222")
    siti.browser.click("Ubah nomor HP")
    siti.browser.submit(phone=siti.phone)
    assert f"08*****{siti.phone[-4:]}" in siti.page.text
    siti.types_the_code()
    siti.browser.click("Lanjut ke")
    siti.at(siti.wlkp)
    assert outbox.to("+6281311112222")


def test_a_number_that_belongs_to_somebody_is_not_told_but_its_owner_is(siti, person, service, outbox, clock):
    siti.registers()
    clock.shift(61)
    budi = person("Budi")
    service("jkp").sends(budi.browser, prompt="create")
    budi.proves_identity()
    page = budi.gives_contacts(phone=siti.phone)
    assert page.heading == "Verifikasi" and "sudah" not in page.text.replace("sudah tidak", "")
    assert any("mencoba mendaftar" in message.text for message in outbox.to(siti.e164))
    assert not any("OTP" in message.text for message in outbox.to(siti.e164)[1:])


def test_a_message_that_could_not_be_sent_says_so_and_can_be_sent_again(siti):
    siti.proves_identity()
    page = siti.gives_contacts(phone="081234560002")  # the stand-in refuses numbers that end so
    assert "Kode belum terkirim" in page.text
    siti.browser.click("Ubah nomor HP")
    siti.browser.submit(phone=siti.phone)
    siti.types_the_code()
    assert "telah berhasil" in siti.page.text


def test_steps_cannot_be_skipped(siti):
    base = siti.page.url
    for step in ("/contact", "/verify", "/done", "/phone"):
        assert siti.browser.open(base + step).heading == "Pendaftaran Akun"
        assert siti.page.form("nik", "name", "mothers_name")


def test_two_submissions_that_race_make_one_account(siti, house, outbox):
    siti.proves_identity()
    siti.gives_contacts()
    code = outbox.code(siti.e164)
    form = siti.page.form("code")
    tabs = [siti.browser.clone() for _ in range(4)]
    answers = []

    def send(tab):
        answers.append(tab.send(tab.prepare(form, code=code)).status_code)

    threads = [threading.Thread(target=send, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {303, 422}
    from idp.accounts import Account
    from idp.storage.database import db

    with house.app.app_context():
        assert db.session.query(Account).count() == 1
    page = siti.browser.open(form.action)
    assert "telah berhasil" in page.text, page.text
    siti.browser.click("Lanjut ke")
    siti.at(siti.wlkp)


@pytest.mark.parametrize("changes", [
    {"nik": "123"}, {"nik": "٩٩٠١٠١٥٧٠٨٩٠٠٠٠١"}, {"nik": "9901013213900001"}, {"name": ""}, {"name": "A" * 5000},
    {"mothers_name": "<script>alert(1)</script>"}, {"name": "Siti\u202egnp"},
])  # fmt: skip
def test_bad_input_gets_one_clear_error(siti, changes):
    page = siti.proves_identity(**changes)
    assert page.status == 422 and page.heading == "Pendaftaran Akun"
    assert "<script>alert" not in page.source


def test_on_the_done_page_no_way_back_throws_the_sign_in_away(person, service):
    """U4: «Kembali ke {layanan}» answered access_denied there; now the way back is the way on."""
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser, prompt="create")
    budi.proves_identity()
    budi.gives_contacts()
    done = budi.types_the_code()
    assert not [form for form in done.forms if form.action.endswith("/cancel")]
    assert "Kembali ke" not in done.text
    for words, address in done.links:
        if "Lanjut ke" in words:
            tab = budi.browser.clone()
            tab.open(address)
            assert "code=" in (tab.url_of_service or "")
            break
    else:
        raise AssertionError(done.links)


def test_the_name_is_kept_as_dukcapil_has_it(person, service):
    """U10: spaces, case and titles as somebody happened to type them went to every service."""
    siti, wlkp = person("Siti"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.proves_identity(name="hj. Siti  nurhaliza rahayu, S.Pd.")
    siti.gives_contacts()
    siti.types_the_code()
    siti.browser.click("Lanjut ke")
    siti.at(wlkp)
    assert wlkp.userinfo().json()["name"] == "SITI NURHALIZA RAHAYU"


def test_a_family_handphone_says_what_to_do(person, service, outbox):
    """U7: page and SMS say that one number serves one account; the page says so to everybody, and so tells nothing."""
    siti, budi, wlkp = person("Siti"), person("Budi"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    wlkp.sends(budi.browser, prompt="create")
    budi.proves_identity()
    page = budi.gives_contacts(phone=siti.phone)
    assert page.heading == "Verifikasi"
    assert "Satu nomor handphone hanya untuk satu akun." in page.text and "Ubah nomor HP" in page.text
    assert "Satu akun perlu nomor sendiri." in outbox.to(siti.e164)[-1].text


def test_a_code_of_the_wrong_length_costs_no_try(person, service, outbox):
    """U15: and the last wrong one says what to do instead of counting down to nothing."""
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser, prompt="create")
    budi.proves_identity()
    budi.gives_contacts()
    for slip in ("123", "12345678", "12 34"):
        page = budi.browser.submit(code=slip)
        assert "Kode OTP terdiri dari 6 angka." in page.text and "Sisa percobaan" not in page.text
    right = outbox.code(budi.e164)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    told = [budi.browser.submit(code=wrong).text for _ in range(5)]
    assert "Sisa percobaan: 4." in told[0] and "Sisa percobaan: 1." in told[3]
    assert "kode ini tidak berlaku lagi. Minta kode baru dengan Kirim Ulang." in told[4] and "Sisa percobaan: 0" not in told[4]


@pytest.mark.parametrize("page", ["registration", "recovery"])
def test_whose_nik_a_stranger_has_guessed_at_proves_a_number_and_goes_on(person, service, clock, page):
    """S25: five wrong facts kept the person out for 26 days."""
    wlkp = service("wlkp")
    siti = person("Siti")

    def begins(browser):
        wlkp.sends(browser)
        browser.click("Daftar Sekarang" if page == "registration" else "Kendala Masuk ke Akun?")
        return page == "registration" or browser.click("Verifikasi identitas diri")

    for day in (3, 2):
        stranger = SimpleBrowser(siti.browser.issuer)
        begins(stranger)
        for _ in range(day):
            stranger.submit(nik=siti.nik, name=siti.full_name, mothers_name="Bukan BEDA")
        clock.shift(24 * 3600)
    begins(siti.browser)
    assert siti.proves_identity().heading == "Verifikasi nomor handphone dulu"
    assert siti.mothers_name not in siti.page.source
    assert siti.browser.submit(phone=siti.phone).heading == "Verifikasi"
    assert siti.types_the_code().form("mothers_name")
    siti.facts.add("BUKAN BEDA")
    assert "Data belum cocok" in siti.proves_identity(mothers_name="Bukan BEDA").text
    assert "Nomor itu sudah dipakai hari ini" in siti.proves_identity().text
    another = "081377771231"
    siti.facts |= {another, "+62" + another[1:]}
    siti.browser.submit(phone=another)
    siti.types_the_code("+62" + another[1:])
    assert siti.proves_identity().form("email", "phone"), "on with the contacts"


@pytest.fixture
def registered(siti):
    """Siti, on the page that says that her account is there."""
    siti.proves_identity()
    siti.gives_contacts()
    assert "berhasil" in siti.types_the_code().text
    return siti


def test_the_address_is_proved_on_the_way_to_the_service(registered, clock):
    """S5: nobody asked for it, so that addresses stayed unproved, and were worth nothing at a recovery."""
    siti = registered
    assert "belum diverifikasi" in siti.page.text
    assert siti.browser.press("/register/email").heading == "Verifikasi email"
    assert siti.browser.submit(code="000000" if siti.outbox.code(siti.email) != "000000" else "000001").status == 422
    assert "berhasil" in siti.types_the_code(siti.email).text
    assert "belum diverifikasi" not in siti.page.text
    assert any("diverifikasi" in message.text for message in siti.outbox.to(siti.e164)), "every contact hears of it"
    siti.browser.click("Lanjut ke")
    assert siti.at(siti.wlkp)["sub"]
    told = siti.wlkp.userinfo().json()
    assert (told["email"], told["email_verified"]) == (siti.email, True)


def test_the_offer_stands_in_nobodys_way(registered):
    """S5: the service is one press away, as ever, from the page of the code too."""
    registered.browser.press("/register/email")
    registered.browser.click("Lain kali saja")
    registered.browser.click("Lanjut ke")
    assert registered.at(registered.wlkp)["sub"]


def test_an_address_that_is_somebody_elses_is_proved_by_nobody_else(person, service, clock):
    """S5: the page says the same, no code goes out, and the owner of the address is told."""
    wlkp, budi, siti = service("wlkp"), person("Budi"), person("Siti")
    wlkp.sends(budi.browser, prompt="create")
    budi.proves_identity()
    budi.gives_contacts()
    budi.types_the_code()
    budi.browser.press("/register/email")
    budi.types_the_code(budi.email)
    clock.shift(3600)
    wlkp.sends(siti.browser, prompt="create")
    siti.proves_identity()
    siti.gives_contacts(email=budi.email)
    siti.types_the_code()
    before = len(budi.outbox.to(budi.email))
    assert siti.browser.press("/register/email").heading == "Verifikasi email"
    (message,) = budi.outbox.to(budi.email)[before:]
    assert "mencoba memakai" in message.text
    assert siti.browser.submit(code="123456").status == 422
