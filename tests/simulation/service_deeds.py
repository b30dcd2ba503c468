"""Registering, signing in, and what services do with what they are given."""

from random import Random

from tests.simulation.ledger import ACCESS, CODE, DEAD, LIVE, REFRESH, SESSION, Thing
from tests.simulation.scene import Elsewhere, Scene, Violation


def registers(scene: Scene, random: Random) -> None:
    """Dewi registers; or somebody does so once more with what Siti has."""
    actor = scene.owner(random, registered=random.random() < 0.3)
    act, browser = scene.acts_for(actor), random.choice(actor.browsers)
    if not scene.facts.get(actor.name):
        scene.promises(password=actor.password, phone=actor.e164, email=actor.email, state="active")
    actor.browser = browser
    service = scene.house.service("wlkp")
    service.sends(browser, prompt="create")
    actor.proves_identity()
    actor.gives_contacts()
    scene.types_code(actor, actor.e164)
    if "Pendaftaran akun anda telah berhasil" not in browser.page.text:
        raise Elsewhere(browser.page.heading)
    act.acknowledged = True
    browser.click("Lanjut ke")
    scene.sees(actor, browser)


def signs_in(scene: Scene, random: Random) -> None:
    """To one of three services; one of them may go on offline, and is consented to."""
    actor = scene.somebody(random)
    browser, service = random.choice(actor.browsers), scene.house.service(random.choice(("wlkp", "pelatihan", "jkp", "jkp")))
    act = scene.acts_for(actor)
    if random.random() < 0.5:
        browser.client.cookies.delete("idp_session") if browser.session else None
    wishes = {"prompt": "consent"} if service.client_id == "jkp" and random.random() < 0.6 else {}
    scene.enters(actor, browser, service, **wishes)
    if browser.url_of_service is None:
        raise Elsewhere(browser.page.heading)
    code = scene.arrives(actor, browser, service)
    if random.random() < 0.75:
        scene.takes(code)
    act.acknowledged = True


def _chosen(scene: Scene, random: Random, *kinds: str) -> Thing:
    known = [thing for thing in scene.ledger.things if thing.kind in kinds and thing.state != DEAD]
    if not known:
        raise Elsewhere("nobody has one")
    return random.choice(known)


def redeems_a_code(scene: Scene, random: Random) -> None:
    """A service that was slow comes with its code."""
    code = _chosen(scene, random, CODE)
    act = scene.act
    act.account, act.relies, live = code.account, True, code.state == LIVE
    code.doubted()
    try:
        scene.takes(code)
    except Elsewhere:
        if live and not scene.house.wire.struck:
            raise Violation(f"{code} is lost") from None
        raise
    act.acknowledged = True


def refreshes(scene: Scene, random: Random) -> None:
    """A service goes on while nobody is there."""
    token = _chosen(scene, random, REFRESH)
    act = scene.act
    act.account, act.relies, live = token.account, True, token.state == LIVE
    token.doubted()
    if not live:  # if it was used already, and its answer is not just lost, its whole family ends
        scene.ledger.doubts(token.account, REFRESH, ACCESS)
    answer = token.service.refreshes(token.text)
    if answer.status_code != 200:
        if live and not scene.house.wire.struck:
            raise Violation(f"{token} is lost: {answer.text[:100]}")
        raise Elsewhere(answer.text[:80])
    token.service.tokens |= answer.json()
    scene.holds(token, token.service)
    act.acknowledged = True


def logs_out(scene: Scene, random: Random) -> None:
    """Out of this browser's session."""
    actor = scene.somebody(random)
    act, browser = scene.acts_for(actor), random.choice(actor.browsers)
    cookie, actor.browser, act.relies = browser.session, browser, True
    if browser.open("/account").heading != "Akun saya":
        raise Elsewhere(browser.page.heading)
    if browser.press("/logout/confirm").heading != "Anda sudah keluar":
        raise Elsewhere(browser.page.heading)
    act.acknowledged = True
    for thing in scene.ledger.of(actor.name):
        if thing.sid != cookie.partition(".")[0]:
            continue
        if thing.kind == SESSION or (thing.kind in (ACCESS, REFRESH) and not thing.offline):
            thing.dies("of a session that was logged out")
        else:
            thing.doubted()


def disconnects_a_service(scene: Scene, random: Random) -> None:
    """Ends whatever one service was given."""
    actor = scene.owner(random)
    act, browser, client = (
        scene.acts_for(actor),
        random.choice(actor.browsers),
        random.choice(("jkp", "jkp", "wlkp", "pelatihan")),
    )
    page = scene.enters(actor, browser, None, "/account/services")
    form = next(form for form in page.forms if form.action.endswith("/services/end") and ("client", client) in form.buttons)
    moment = scene.ledger.moment
    if browser.submit(form=form, button=("client", client)).heading != "Layanan Terhubung":
        raise Elsewhere(browser.page.heading)
    act.acknowledged = True
    for thing in scene.ledger.of(actor.name, ACCESS, REFRESH, CODE):
        if thing.service.client_id == client and thing.born <= moment:
            thing.dies("of a service that was disconnected")
