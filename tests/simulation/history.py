"""Plays a plan: does each deed, lets its fault strike, and after each says what must be true."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import Context
from dataclasses import replace
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from idp.audit import trail
from idp.gateways import outbox
from idp.storage.redis_store import StoreUnavailable
from tests.simulation import facts
from tests.simulation.deeds import DEEDS, chosen
from tests.simulation.facts import NOBODY, OWN, Facts
from tests.simulation.faults import LOST, ROLLED_BACK, Died
from tests.simulation.house import SimulatedHouse
from tests.simulation.ledger import ACCESS, CODE, DEAD, LIVE, PAGE, REFRESH, SESSION, Thing
from tests.simulation.plan import Plan, Step
from tests.simulation.scene import Act, Elsewhere, Scene, Violation

# What a page that was not expected looks like to whoever walks through pages: no form, no link, no code that came.
TURNED_AWAY = (AssertionError, StopIteration, IndexError, Elsewhere)
AWAY = (SQLAlchemyError, StoreUnavailable)


class History:
    """One run of a plan; `trace` says what was done, `tally` how often what came of it."""

    def __init__(self, house: SimulatedHouse, plan: Plan, tally: Counter[str]) -> None:
        """Not begun."""
        self.house, self.plan, self.tally = house, plan, tally
        self.trace: list[str] = []
        self.failure: Exception | None = None
        self.endings: Counter[str] = Counter()  # how often everything of before ended, by account

    def plays(self) -> None:
        """Raises Violation, or whatever the application raised that nobody foresaw."""
        with ExitStack() as stack:
            clock = stack.enter_context(self.house.history())
            self.scene = Scene(self.house, clock, Random(self.plan.seed))
            self.scene.passes(self.plan.quiet)
            for step in self.plan.steps:
                self._performs(step)
            self._ends_well()

    def _performs(self, step: Step, indent: str = "") -> None:
        scene, wire = self.scene, self.house.wire
        scene.passes(step.wait)
        scene.acts.append(act := Act(since=scene.ledger.moment))
        with scene.aside():
            act.before = scene.facts = scene.reads()
            act.letters = self.house.redises.server.llen("outbox")
            self.house.struck_by(step.fault)
        wire.strike = lambda kind: self._strikes(kind, step, indent)
        wire.begin(step.fault)
        step = replace(step, deed=chosen(step.deed, step.draw, scene))
        scene.ledger.deed = f"{step.deed} #{step.draw}"
        begun, outcome = scene.ledger.moment, self._does(step)
        struck = wire.struck = wire.struck or self._strikes_at_last(step)
        wire.begin(None)
        self.trace.append(f"{indent}{step}: {outcome}" + (f" [{struck}]" if struck else ""))
        self.tally[f"{step.deed}: {'done' if act.acknowledged else 'not done'}"] += 1
        self.tally[f"fault: {struck}"] += bool(struck)
        with scene.aside():
            self._judges(act, struck, begun)
        scene.acts.pop()

    def _strikes_at_last(self, step: Step) -> str:
        """A failover that came at no step of the deed comes after it: what it has just written is lost."""
        if step.fault is None or step.fault.kind not in (ROLLED_BACK, LOST):
            return ""
        self.house.fails_over()
        return step.fault.kind

    def _does(self, step: Step) -> str:
        try:
            DEEDS[step.deed].do(self.scene, Random(step.draw))
        except Died:
            self.house.starts_anew()
            return "the process died"
        except TURNED_AWAY as away:
            return f"turned away ({str(away).splitlines()[0][:160] if str(away) else type(away).__name__})"
        except AWAY as away:
            if not self.house.wire.struck:
                raise
            return type(away).__name__
        return "done" if self.scene.act.acknowledged else "not acknowledged"

    def _strikes(self, kind: str, step: Step, indent: str) -> None:
        if kind in (ROLLED_BACK, LOST):
            self.house.fails_over()
            return
        if step.meanwhile is None:
            return
        scene, outer = self.scene, self.scene.act
        outer.shared = True
        with scene.aside():
            self._settles(outer)
        with self.house.wire.apart():
            silent, self.house.wire.silent = self.house.wire.silent, 0
            endings = self.endings[outer.account]
            moment, deed = scene.ledger.moment, scene.ledger.deed
            # A context of its own: else both requests would share Flask's `g` and the session of SQL.
            Context().run(self._performs, step.meanwhile, indent + "    meanwhile ")
            self.house.wire.silent, scene.ledger.deed = silent, deed
        if self.endings[outer.account] > endings:
            outer.interrupted = moment
        outer.before = scene.facts

    # -- what must be true after a deed --------------------------------------------------------------------------------

    def _judges(self, act: Act, struck: str, begun: int) -> None:
        self._settles(act)
        now = self.scene.facts.get(act.account, NOBODY)
        if act.acknowledged and act.interrupted is None:
            for name, value in act.promised.items():
                if not self._is(name, value, now):
                    raise Violation(f"{act.account} was told that the {name} is changed, and it is not")
        if act.acknowledged and act.ends:
            self._ends(act, act.ends)
        self._doubts(act, struck, begun)
        self._dead_stays_dead()
        if twice := self._inside(facts.doubles):
            raise Violation(f"there are two of {twice}")

    def _settles(self, act: Act) -> None:
        """Whatever SQL says otherwise than before must have been promised, all of it or nothing; what is over is noted."""
        scene, after = self.scene, self.scene.reads()
        for name in sorted(act.before.keys() | after.keys()):
            known, now = act.before.get(name, NOBODY), after.get(name, NOBODY)
            if known != now:
                self._change(act if act.account == name else Act(), name, known, now)
        act.before = scene.facts = after

    def _change(self, act: Act, name: str, known: Facts, now: Facts) -> None:
        changed = [field for field in OWN if getattr(known, field) != getattr(now, field)]
        for field in changed:
            allowed = [held[field] for held in (act.promised, act.also) if field in held]
            if not any(self._is(field, value, now) for value in allowed):
                raise Violation(f"the {field} of {name} is another one, and nobody may have changed it")
        new = [field for field, value in act.promised.items() if not self._is(field, value, known)]
        if changed and new and not act.also and set(new) - set(changed) and act.interrupted is None:
            raise Violation(f"half a change of {name} was kept: {changed} of {new}")
        if why := facts.ended(known, now):
            self._ends(act, why, name)
        self._learns(act, name, known, now)

    def _is(self, field: str, value: object, now: Facts) -> bool:
        known = getattr(now, field)
        return bool(known == value or (field == "password" and known and self.scene.is_password(str(value), known)))

    def _learns(self, act: Act, name: str, known: Facts, now: Facts) -> None:
        """People know what they have done; letters must tell of it."""
        scene = self.scene
        if known.password != now.password and now.password in scene.plain:
            (scene.thief if act.thief else scene.people[name]).password = scene.plain[now.password]
        if now.app and not known.app and act.key:
            scene.people[name].key = act.key
        if known.password != now.password and known.phone != now.phone and not act.also and known.password:
            scene.remembers(name, known)
        for contact, words in letters(known, now):
            scene.letters.append((act.letters, contact, words))

    def _ends(self, act: Act, why: str, name: str = "") -> None:
        kept = act.keeps_services
        self.endings[name or act.account] += 1
        self.scene.ledger.ends(
            name or act.account, act.since, why, lambda thing: kept and thing.kind == REFRESH and thing.offline
        )

    def _doubts(self, act: Act, struck: str, begun: int) -> None:
        ledger = self.scene.ledger
        if struck == LOST:
            ledger.doubts("", SESSION, ACCESS, CODE, PAGE)
        if struck in (ROLLED_BACK, LOST):
            ledger.doubts("", CODE, PAGE)
            ledger.undoes(ledger.deed)
            for thing in ledger.things:
                if thing.state == DEAD and thing.kind != PAGE:
                    thing.tried = False
        if struck and act.account:
            ledger.doubts(act.account)
        if act.interrupted is None:
            return
        stale = not self.scene.is_password(act.typed, self.scene.facts[act.account].password) if act.typed else act.relies
        for thing in ledger.of(act.account):
            if thing.born > act.interrupted and thing.got == ledger.deed and stale:
                thing.dies("got with what was proved before somebody else's change")

    def _dead_stays_dead(self, *, all_of_them: bool = False) -> None:
        scene = self.scene
        known = scene.reads()
        for thing in scene.ledger.find(DEAD):
            if thing.tried and not all_of_them:
                continue
            thing.tried = True
            if self._counts(thing):
                raise Violation(f"it counts still: {thing}")
            if thing.kind == CODE:  # what a code gave ends when the code comes twice (RFC 6749 section 4.1.2)
                scene.ledger.doubts(thing.account, ACCESS, REFRESH)
            if thing.kind == PAGE and scene.reads() != known:
                raise Violation(f"it changed the account still: {thing}")

    def _counts(self, thing: Thing) -> bool:
        # A deed of its own, of which nothing stays: what a page types is nobody's promise.
        self.scene.acts.append(Act(account=thing.account))
        try:
            return thing.use()
        except TURNED_AWAY:
            return False
        finally:
            self.scene.acts.pop()

    # -- what must be true at the end ----------------------------------------------------------------------------------

    def _ends_well(self) -> None:
        scene = self.scene
        with scene.aside():
            for thing in scene.ledger.find(LIVE, SESSION, ACCESS, CODE, REFRESH):
                self.tally[f"alive at the end: {thing.kind}"] += 1
                if not self._counts(thing):
                    raise Violation(f"it is lost, and nobody has ended it: {thing}")
                if thing.kind == REFRESH:
                    scene.ledger.doubts(thing.account, REFRESH)
            self._dead_stays_dead(all_of_them=True)
            for _ in range(2):
                scene.passes(1000)
            self._letters_came()
            with self.house.app.app_context():
                if isinstance(broken := trail.verify(), trail.BrokenChain):
                    raise Violation(f"the audit trail is broken: {broken}")

    def _letters_came(self) -> None:
        with self.house.app.app_context():
            sent = outbox.messages()
        for begun, contact, words in self.scene.letters:
            self.tally["letters"] += 1
            if not any(message.to == contact and re.search(words, message.text) for message in sent[begun:]):
                raise Violation(f"{contact} was never told: {words}")

    def _inside(self, ask: Callable[[], list[object]]) -> list[object]:
        with self.house.app.app_context():
            return ask()


def letters(known: Facts, now: Facts) -> list[tuple[str, str]]:
    """Who must be told what of a change: contact and words."""
    contacts = {known.phone, known.email, now.phone, now.email} - {""}
    moved = (known.phone, known.email) != (now.phone, now.email)
    if not known.password or not now.password:
        return []  # a new account, or one that is gone
    if known.password != now.password and moved:  # recovered by identity, or that undone: the contacts of before, or those again
        return []
    if known.password != now.password or moved:
        return [(contact, "diubah") for contact in contacts]
    if (known.state, now.state) == ("active", "deleting"):
        return [(contact, "dihapus") for contact in contacts]
    return [(contact, "autentikator") for contact in contacts] if known.app != now.app else []
