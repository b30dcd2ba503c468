"""What was just proved or given in one room is not asked for again in the next."""


def test_from_a_recovery_without_account_into_registration(person, service, outbox):
    """U21: everything was asked, a code was sent, then it was said, and registration began empty."""
    agus, wlkp = person("Agus"), service("wlkp")
    wlkp.sends(agus.browser)
    agus.browser.click("Kendala Masuk ke Akun?")
    agus.browser.click("Verifikasi identitas diri")
    agus.proves_identity()
    agus.gives_contacts()
    assert agus.types_the_code().heading == "Belum ada akun"
    page = agus.browser.press("/register/known")
    fields = page.form("email", "phone", "password").fields
    assert (fields["email"], fields["phone"]) == (agus.email, agus.phone)
    agus.browser.submit(password=agus.password)
    agus.types_the_code()
    assert "Pendaftaran akun anda telah berhasil" in agus.page.text
    agus.browser.click("Lanjut ke")
    assert agus.at(wlkp)["acr"] == "urn:siapkerja:acr:data"


def test_from_a_known_nik_into_recovery(person, service, clock):
    """U21: the NIK stands there; the facts are compared anew, since recovery wants names more alike than registration does."""
    siti, wlkp = person("Siti"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    clock.shift(61)
    wlkp.sends(siti.browser, prompt="create")
    assert siti.proves_identity().heading == "NIK ini sudah memiliki akun"
    siti.browser.click("Pulihkan akun")
    for way in ("nomor handphone", "email"):
        page = siti.browser.click(f"Verifikasi lewat {way}")
        assert page.form("nik").fields["nik"] == siti.nik
        siti.browser.click("Pilih cara lain")
    fields = siti.browser.click("Verifikasi identitas diri").form("nik", "name").fields
    assert (fields["nik"], fields["name"], fields.get("mothers_name", "")) == (siti.nik, siti.full_name, "")


def test_nobody_registers_with_what_was_never_proved(person, service):
    """U21: the short way needs a proof of this interaction; registration's own is none for recovery."""
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser, prompt="create")
    corridor = budi.page.url.rpartition("/")[0]
    token = budi.page.form("nik").fields["csrf_token"]
    sent = budi.browser.client.post(
        f"{corridor}/register/known", data={"csrf_token": token}, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    )
    assert sent.headers["Location"].endswith("/register")
