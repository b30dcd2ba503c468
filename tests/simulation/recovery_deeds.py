"""«Kendala Masuk ke Akun?», by its owner or by a thief, and what old contacts say to it."""

from random import Random

from idp.core import clock
from tests.recoveries import LINK
from tests.simulation.house import Browser
from tests.simulation.ledger import DEAD, PAGE
from tests.simulation.scene import Actor, Elsewhere, Scene

DAY = 86400
RECOVERED = ("Akun Anda aktif kembali", "Akunmu kini telah aktif kembali dan siap digunakan")


def _asks(scene: Scene, actor: Actor, random: Random, way: str) -> Browser:
    browser = random.choice(actor.browsers)
    if browser.session:
        browser.client.cookies.delete("idp_session")
    scene.acts_for(actor).browser = actor.browser = browser
    scene.house.service("wlkp").sends(browser)
    browser.click("Kendala Masuk ke Akun?")
    browser.click(way)
    return browser


def recovers_by_a_contact(scene: Scene, random: Random) -> None:
    """A new password, by a code to what the account has; who holds the number can do so. Sometimes not to its end."""
    actor = scene.thief if scene.has_sim and random.random() < 0.3 else scene.owner(random)
    known, way = scene.facts[actor.name], random.choice(("phone", "phone", "email"))
    number = "0" + known.phone.removeprefix("+62")
    browser = _asks(scene, actor, random, "Verifikasi lewat nomor handphone" if way == "phone" else "Verifikasi lewat email")
    given = {"phone": number} if way == "phone" else {"email": known.email}
    if way == "email" and actor.thief:
        raise Elsewhere("the mailbox is the owner's")
    browser.submit(nik=actor.nik, **given)
    recipient, new = known.phone if way == "phone" else known.email, scene.new_password()

    def goes_on(tab: Browser) -> bool:
        if tab.page.heading == "Periksa pesan masuk Anda":
            scene.types_code(actor, recipient)
        tab.submit(password=new)
        return tab.page.heading in RECOVERED

    if random.random() < 0.3:
        if random.random() < 0.6:
            scene.types_code(actor, recipient)
        scene.waits(actor, browser, goes_on, password=new)
        return
    scene.types_code(actor, recipient)
    scene.promises(password=new)
    if not goes_on(browser):
        raise Elsewhere(browser.page.heading)
    scene.act.acknowledged = True


def recovers_by_identity(scene: Scene, random: Random) -> None:
    """By the three facts that a thief may have bought, with contacts that nobody has had."""
    actor = scene.thief if random.random() < 0.6 else scene.owner(random)
    browser = _asks(scene, actor, random, "Verifikasi identitas diri")
    (phone, email), new = scene.new_contacts(), scene.new_password()
    actor.proves_identity()
    actor.gives_contacts(phone=phone, email=email, password=new)
    recipient = "+62" + phone[1:]
    promised = {"password": new, "phone": recipient, "email": email, "app": False}
    if actor.thief and not scene.knows_password and clock.timestamp() - scene.used[actor.name] < 30 * DAY:
        promised = {}  # the account is in use: whoever has the facts alone waits, and nothing changes

    def goes_on(tab: Browser) -> bool:
        scene.types_code(actor, recipient)
        return tab.page.heading in RECOVERED

    if random.random() < 0.3:
        scene.waits(actor, browser, goes_on, **promised)
        return
    scene.promises(**promised)
    if not goes_on(browser):
        raise Elsewhere(browser.page.heading)
    scene.act.acknowledged = True


def goes_on_with_a_page(scene: Scene, random: Random) -> None:
    """Somebody comes back to a page that was left open, whatever has happened since."""
    known = [thing for thing in scene.ledger.things if thing.kind == PAGE and thing.state != DEAD]
    if not known:
        raise Elsewhere("nobody has one")
    page = random.choice(known)
    scene.act.account, scene.act.relies, scene.act.browser = page.account, True, page.browser
    scene.promises(**page.promised)
    scene.act.thief = page.thief
    if not page.use():
        raise Elsewhere(page.browser.page.heading)
    scene.ledger.things.remove(page)
    scene.act.acknowledged = True


def answers_a_recovery(scene: Scene, random: Random) -> None:
    """The newest link that came to a contact of the owner: mostly no."""
    owner = scene.people["Siti"]
    act, known = scene.acts_for(owner), scene.before.get(owner.name, scene.facts[owner.name])
    with scene.aside():
        links = [
            m[0] for message in scene.house.sent.to(random.choice((known.phone, known.email))) if (m := LINK.search(message.text))
        ]
    if not links:
        raise Elsewhere("no link came")
    browser, answer = Browser(scene.house), "no" if random.random() < 0.8 else "yes"
    browser.open(links[-1])
    form = next(form for form in browser.page.forms if form.fields.get("answer") == answer)
    scene.promises()
    act.also = scene.restored(owner.name) | {"state": "locked"}
    browser.submit(form=form)
    if browser.page.heading not in ("Pemulihan dibatalkan", "Terima kasih, sudah kami catat"):
        raise Elsewhere(browser.page.heading)
    act.acknowledged = True
    if scene.facts[owner.name].provisional:  # one that waits has given nobody anything yet: nothing ends
        act.ends = f"before somebody said {answer} to a recovery"
    if act.ends and browser.page.heading == "Pemulihan dibatalkan" and len(scene.facts[owner.name].recoveries) == 1:
        act.promised = scene.restored(owner.name)
