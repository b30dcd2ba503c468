"""One history: who there is, what they hold, what each deed may change, and what its answer said."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pyotp
import time_machine

from idp.accounts import hashing
from idp.core import clock as clocks
from tests.person import CITIZENS, Person
from tests.simple_browser import Page, parameters
from tests.simulation import facts
from tests.simulation.facts import Facts
from tests.simulation.house import Browser, Service, SimulatedHouse
from tests.simulation.ledger import ACCESS, CODE, PAGE, REFRESH, SESSION, Ledger, Thing

LONG = 1000  # seconds: a serving process has looked several times by then what is due


class Violation(Exception):
    """Something was the case that must never be."""


class Elsewhere(Exception):
    """The deed cannot be done, or not to its end: somebody is led to another page, as may be."""


@dataclass(eq=False)
class Actor(Person):
    """Somebody who acts for an account: its owner, or a thief with the same three facts."""

    thief: bool = False
    key: str = ""
    browsers: list[Browser] = field(default_factory=list)

    def has(self, e164: str, email: str) -> None:
        """Has this number and address from now on."""
        self.phone, self.email = "0" + e164.removeprefix("+62"), email


@dataclass
class Act:
    """A deed as far as it has come. `promised` are the facts that it is about to change, to these values.

    `ends` is why nothing of before `since` counts once it is acknowledged, but for offline tokens if `keeps_services`.
    `typed` is the password that it stands on; `relies` that it stands on a session or token of before. `interrupted` is
    when somebody else's deed, in the midst of this one, ended what it stood on.
    """

    account: str = ""
    promised: dict[str, Any] = field(default_factory=dict)
    also: dict[str, Any] = field(default_factory=dict)
    acknowledged: bool = False
    ends: str = ""
    thief: bool = False
    browser: Browser | None = None
    key: str = ""
    keeps_services: bool = False
    typed: str = ""
    relies: bool = False
    since: int = 0
    letters: int = 0
    shared: bool = False
    interrupted: int | None = None
    before: dict[str, Facts] = field(default_factory=dict)


class Scene:
    """Everybody and everything of one history."""

    def __init__(self, house: SimulatedHouse, clock: time_machine.Traveller, random: Random) -> None:
        """Siti and Budi have an account, Dewi none; somebody has bought what can be bought about Siti."""
        self.house, self.clock = house, clock
        self.people = {name: self._actor(name) for name in ("Siti", "Budi", "Dewi")}
        self.thief = self._actor("Siti", thief=True)
        self.knows_password, self.has_sim = random.random() < 0.3, random.random() < 0.2
        self.thief.has("+6281377771231", "pencuri@surat.example")
        if not self.knows_password:
            self.thief.password = "Gerhana!6merah"
        self.ledger = Ledger()
        self.acts: list[Act] = []
        self.plain: dict[str, str] = {}
        self.before: dict[str, Facts] = {}
        self.used: dict[str, int] = {}
        self.letters: list[tuple[int, str, str]] = []
        self.numbers = 0
        with self.aside():
            self.facts = self.reads()
            for name, known in self.facts.items():
                self.plain[known.password] = self.people[name].password
                self.used[name] = clocks.timestamp()
            house.offline.tokens = dict(house.tokens)
            service, refresh = house.offline, house.tokens["refresh_token"]
            self.ledger.add(
                REFRESH,
                "Siti",
                lambda: service.refreshes(refresh).status_code == 200,
                service=service,
                text=refresh,
                offline=True,
            )

    def _actor(self, name: str, *, thief: bool = False) -> Actor:
        actor = Actor.named(name, self.house.issuer, self.house.sent)
        assert isinstance(actor, Actor)
        actor.thief = thief
        actor.browsers = [Browser(self.house), Browser(self.house)]
        return actor

    # -- what there is -------------------------------------------------------------------------------------------------

    @property
    def act(self) -> Act:
        """The deed that is done now."""
        return self.acts[-1]

    def aside(self) -> Any:
        """Looks at the stores as nobody of the history does."""
        return self.house.wire.aside()

    def reads(self) -> dict[str, Facts]:
        """What SQL says about everybody."""
        with self.house.app.app_context():
            return facts.read({name: citizen[0] for name, citizen in CITIZENS.items()})

    def is_password(self, plain: str, hashed: str) -> bool:
        """Whether this is the password of the hash."""
        if self.plain.get(hashed) == plain:
            return True
        with self.house.app.app_context():
            found = hashing.matches(plain, hashed)
        if found:
            self.plain[hashed] = plain
        return found

    def owner(self, random: Random, *, registered: bool = True) -> Actor:
        """Mostly Siti: deeds on one account meet each other more often."""
        names = [name for name, known in self.facts.items() if known.subject] if registered else ["Dewi"]
        return self.people["Siti" if random.random() < 0.7 and registered else random.choice(names)]

    def somebody(self, random: Random) -> Actor:
        """An owner, or the thief."""
        able = self.knows_password or self.thief.password in self.plain.values()
        return self.thief if random.random() < (0.3 if able else 0.05) else self.owner(random)

    def acts_for(self, actor: Actor) -> Act:
        """The deed is about this account."""
        self.act.account, self.act.thief = actor.name, actor.thief
        return self.act

    def new_password(self) -> str:
        """One that nobody has had."""
        self.numbers += 1
        return f"Rembulan!{self.numbers}terbit"

    def new_contacts(self) -> tuple[str, str]:
        """A number, as people type it, and an address that nobody has had."""
        self.numbers += 1
        return f"08135550{self.numbers:03d}9", f"baru{self.numbers}@surat.example"

    def passes(self, seconds: int) -> None:
        """Time goes by, for us, for the stores and for what everybody holds."""
        with self.aside():
            if seconds >= LONG:
                self.house.does_chores()
            self.clock.shift(seconds)
            self.house.redises.age(seconds)
        if seconds:
            self.ledger.ages(seconds)

    # -- what a deed may change ----------------------------------------------------------------------------------------

    def promises(self, **changes: Any) -> None:
        """The next press changes these facts of the account, and no others."""
        self.act.promised, self.act.since = changes, self.ledger.moment

    def waits(self, actor: Actor, browser: Browser, goes_on: Callable[[Browser], bool], **promised: Any) -> None:
        """Somebody leaves a page open that would change these facts."""
        tab = browser.copied()

        def use() -> bool:
            actor.browser = tab
            return goes_on(tab)

        self.ledger.add(PAGE, actor.name, use, browser=tab, promised=promised, thief=actor.thief)
        self.act.acknowledged = True

    def remembers(self, name: str, known: Facts) -> None:
        """A recovery by identity has replaced these facts: who is asked may bring them back."""
        self.before[name] = known

    def restored(self, name: str) -> dict[str, Any]:
        """What a no brings back."""
        known = self.before.get(name)
        return {field: getattr(known, field) for field in ("password", "phone", "email", "app")} if known else {}

    # -- what people do with a browser ---------------------------------------------------------------------------------

    def enters(self, actor: Actor, browser: Browser, service: Service | None, path: str = "", **wishes: str) -> Page:
        """On to a service, or to a page of the account, through whatever is asked on the way."""
        actor.browser = self.act.browser = browser
        self.act.relies |= bool(browser.session)
        self.sees(actor, browser, lately=False)
        page = service.sends(browser, **wishes) if service is not None else browser.open(path)
        for _ in range(5):
            if browser.url_of_service is not None or not self._goes_on(actor, browser):
                break
            page = browser.page
        self.sees(actor, browser)
        return page if browser.url_of_service is None else browser.page

    def _goes_on(self, actor: Actor, browser: Browser) -> bool:
        page = browser.page
        if page.heading == "Masuk":
            self.act.typed = actor.password
            browser.submit(identifier=actor.nik, password=actor.password)
            return page.heading != browser.page.heading
        if page.heading == "Langkah kedua":
            return self._second_factor(actor, browser)
        if any(name == "decision" for form in page.forms for name, _ in form.buttons):
            browser.submit(button=("decision", "allow"))
            return True
        return False

    def _second_factor(self, actor: Actor, browser: Browser) -> bool:
        if actor.key and self.facts[actor.name].app:
            self.passes(31)
            browser.submit(form=browser.page.form("code"), code=pyotp.TOTP(actor.key).now())
            return browser.page.heading != "Langkah kedua"
        if self.facts[actor.name].app or (actor.thief and not self.has_sim):
            return False
        browser.press("/send")
        self.types_code(actor, self.facts[actor.name].phone)
        return True

    def types_code(self, actor: Actor, recipient: str) -> Page:
        """Types the newest code that came there."""
        try:
            with self.aside():
                code = self.house.sent.code(recipient)
        except IndexError:
            raise Elsewhere("no code came") from None
        return actor.browser.submit(code=code)

    def sees(self, actor: Actor, browser: Browser, *, lately: bool = True) -> None:
        """Notes the session that the browser has by now, and that its former one is over; one that it does not have since
        `lately` only may be over as well."""
        cookie = browser.session
        if not cookie or any(thing.cookie == cookie for thing in self.ledger.things if thing.kind == SESSION):
            return
        fresh = self.ledger.add(SESSION, actor.name, lambda: self.signed_in(cookie), browser=browser, cookie=cookie)
        fresh.doubted() if not lately else None
        for thing in self.ledger.of(actor.name, SESSION):
            if thing is fresh or thing.cookie.partition(".")[0] != cookie.partition(".")[0]:
                continue
            if not lately or any(
                act.shared for act in self.acts
            ):  # of two answers at once nobody knows which one the browser kept
                thing.doubted()
                fresh.doubted()
            else:
                thing.dies("under a secret that was replaced", self.ledger.deed)

    def signed_in(self, cookie: str) -> bool:
        """Whether this cookie opens the account."""
        answer = self.house.caller.get(f"{self.house.issuer}/account", headers={"Cookie": f"idp_session={cookie}"})
        return answer.status_code == 200

    def arrives(self, actor: Actor, browser: Browser, service: Service) -> Thing:
        """The browser is back at the service with a code."""
        given = parameters(browser.url_of_service)
        if "code" not in given:
            raise Elsewhere(f"back with {sorted(given)}")
        code = given["code"]
        if not actor.thief:
            self.used[actor.name] = clocks.timestamp()
        more: dict[str, Any] = {"browser": browser, "cookie": browser.session, "service": service, "text": code}
        return self.ledger.add(CODE, actor.name, lambda: service.redeem(code).status_code == 200, **more)

    def takes(self, thing: Thing) -> None:
        """The service redeems the code, and holds what it gets."""
        service, answer = thing.service, thing.service.redeem(thing.text)
        if answer.status_code != 200:
            raise Elsewhere(f"the code was refused: {answer.text[:80]}")
        thing.dies("redeemed already")
        self.holds(thing, service)
        told = service.told()
        known = self.facts[thing.account]
        if told["sub"] != known.subject:
            raise Violation(f"{thing.account}'s code told the service about somebody else")
        if self.reads()[thing.account].provisional and told["acr"] != "urn:siapkerja:acr:pemulihan":
            raise Violation(f"{thing.account} is on probation, and the service is told {told['acr']}")

    def holds(self, source: Thing, service: Service) -> None:
        """The service has tokens by now."""
        more: dict[str, Any] = {"browser": source.browser, "cookie": source.cookie, "service": service}
        token, offline = service.tokens["access_token"], "offline_access" in service.tokens["scope"].split()
        self.ledger.add(ACCESS, source.account, lambda: service.opens(token), offline=offline, **more)
        if "refresh_token" in service.tokens:
            refresh = service.tokens["refresh_token"]
            use = lambda: service.refreshes(refresh).status_code == 200  # noqa: E731
            self.ledger.add(REFRESH, source.account, use, offline=offline, text=refresh, **more)
