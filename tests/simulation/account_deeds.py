"""What people do on the pages of their own account."""

import re
from random import Random

import pyotp

from tests.simulation.house import Browser
from tests.simulation.scene import Actor, Elsewhere, Scene


def opens(scene: Scene, random: Random, path: str, heading: str, *, thief: bool = False) -> tuple[Actor, Browser]:
    """Somebody opens a page of the account, and signs in for it where that is asked."""
    actor = scene.thief if thief else scene.owner(random)
    browser = random.choice(actor.browsers)
    scene.acts_for(actor).browser = browser
    page = scene.enters(actor, browser, None, path)
    if page.heading != heading:
        raise Elsewhere(page.heading)
    return actor, browser


def done(scene: Scene, actor: Actor, browser: Browser, heading: str) -> None:
    """The page says that it was done."""
    if browser.page.heading != heading:
        raise Elsewhere(browser.page.heading)
    scene.act.acknowledged = True
    scene.sees(actor, browser)


def changes_the_password(scene: Scene, random: Random) -> None:
    """With the one of now; sometimes the services may stay. A thief who knows it can do so too."""
    thief = random.random() < 0.2
    actor, browser = opens(scene, random, "/account/password", "Ubah password", thief=thief)
    new, keep = scene.new_password(), random.random() < 0.3
    scene.promises(password=new)
    scene.act.keeps_services = keep
    more = {"keep_services": "y"} if keep else {}
    browser.submit(form=browser.page.form("old"), old=actor.password, password=new, **more)
    done(scene, actor, browser, "Password Anda sudah diubah")


def changes_a_contact(scene: Scene, random: Random) -> None:
    """Another number or address; the old one agrees, unless there is a second factor. Sometimes not to its end."""
    kind, thief = random.choice(("phone", "email")), random.random() < 0.15
    heading = {"phone": "Ubah nomor handphone", "email": "Ubah alamat email"}[kind]
    actor, browser = opens(scene, random, f"/account/contacts/{kind}", heading, thief=thief)
    phone, email = scene.new_contacts()
    new, typed = ("+62" + phone[1:], phone) if kind == "phone" else (email, email)
    browser.submit(**{kind: typed})

    def goes_on(tab: Browser) -> bool:
        _proves(scene, actor, tab, new, agrees=not thief or scene.has_sim)
        return bool(tab.page.heading == "Kontak Anda sudah diubah")

    # A thief gets no contact by a session and a password alone: the old one agrees by a code of its own.
    promised = {kind: new} if not thief or scene.has_sim else {}
    if random.random() < 0.3:
        scene.waits(actor, browser, goes_on, **promised)
        return
    scene.promises(**promised)
    goes_on(browser)
    done(scene, actor, browser, "Kontak Anda sudah diubah")


def _proves(scene: Scene, actor: Actor, browser: Browser, new: str, *, agrees: bool) -> None:
    actor.browser = browser
    if browser.page.heading == "Verifikasi":
        scene.types_code(actor, new)
    if browser.page.heading == "Konfirmasi dari kontak lama" and agrees:
        form = next(form for form in browser.page.forms if form.fields.get("to") == "phone")
        browser.submit(form=form)
        scene.types_code(actor, scene.facts[actor.name].phone)


def adds_the_app(scene: Scene, random: Random) -> None:
    """After a code by SMS."""
    actor, browser = opens(scene, random, "/account/methods/app", "Pasang aplikasi autentikator")
    found = re.search(r'class="key">([A-Z2-7 ]+)<', browser.page.source)
    assert found is not None
    key = found[1].replace(" ", "")
    scene.promises(app=True)
    scene.act.key = key
    browser.submit(code=pyotp.TOTP(key).now())
    done(scene, actor, browser, "Simpan kode pemulihan")


def removes_the_app(scene: Scene, random: Random) -> None:
    """With a code of the app."""
    actor = scene.owner(random)
    if not actor.key:
        raise Elsewhere("there is none")
    browser = random.choice(actor.browsers)
    scene.acts_for(actor).browser = browser
    page = scene.enters(actor, browser, None, "/account/methods/app/remove")
    scene.promises(app=False)
    if not page.heading.startswith("Hapus aplikasi"):
        raise Elsewhere(page.heading)
    browser.press("/remove")
    done(scene, actor, browser, "Keamanan masuk")


def reports_activity(scene: Scene, random: Random) -> None:
    """«Laporkan aktivitas ini»: everything of before ends, but this browser's session."""
    actor, browser = opens(scene, random, "/account/activity", "Riwayat Aktivitas")
    form = next(form for form in browser.page.forms if form.action.endswith("/report"))
    scene.promises()
    scene.act.ends = "before a report of activity"
    browser.submit(form=form, button=form.buttons[0])
    done(scene, actor, browser, "Laporan Anda diterima")


def signs_out_everywhere(scene: Scene, random: Random) -> None:
    """Everything of before ends, this browser's session too."""
    actor, browser = opens(scene, random, "/account/sessions", "Perangkat dan sesi")
    scene.promises()
    scene.act.ends = "before a logout everywhere"
    browser.press("/account/sessions/end")
    done(scene, actor, browser, "Anda sudah keluar")


def asks_for_deletion(scene: Scene, random: Random) -> None:
    """The account waits for its end, and nobody is signed in any more."""
    actor, browser = opens(scene, random, "/account/delete", "Hapus akun")
    scene.promises(state="deleting")
    browser.submit(form=next(form for form in browser.page.forms if form.id == "form-delete"), meant="y")
    done(scene, actor, browser, "Akun Anda akan dihapus")


def keeps_the_account(scene: Scene, random: Random) -> None:
    """Signs in while the account waits for its end, and calls that off."""
    actor, browser = opens(scene, random, "/account", "Akun Anda akan dihapus")

    def goes_on(tab: Browser) -> bool:
        tab.press("/login/deleting")
        return bool(tab.page.heading == "Akun saya")

    if random.random() < 0.3:
        scene.waits(actor, browser, goes_on, state="active")
        return
    scene.promises(state="active")
    goes_on(browser)
    done(scene, actor, browser, "Akun saya")
