"""Every deed by its name, how often it is drawn, and when there is any use in it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation import account_deeds, officer_deeds, recovery_deeds, service_deeds
from tests.simulation.ledger import CODE, DEAD, PAGE, REFRESH
from tests.simulation.scene import Scene

Possible = Callable[[Scene], bool]


@dataclass(frozen=True)
class Deed:
    """Something that somebody does; it raises Elsewhere, or whatever a browser raises, where it cannot be done."""

    do: Callable[[Scene, Random], None]
    weight: int
    possible: Possible = lambda scene: True


def _held(kind: str) -> Possible:
    return lambda scene: any(thing.kind == kind and thing.state != DEAD for thing in scene.ledger.things)


def _in_state(state: str) -> Possible:
    return lambda scene: any(known.state == state for known in scene.facts.values())


def _with_app(scene: Scene) -> bool:
    return any(known.app and scene.people[name].key for name, known in scene.facts.items())


def _signed_in(scene: Scene) -> bool:
    return any(browser.session for actor in scene.people.values() for browser in actor.browsers)


def _recovered(scene: Scene) -> bool:
    return bool(scene.before)


def _asked(scene: Scene) -> bool:
    return bool(scene.facts["Siti"].recoveries)


DEEDS: dict[str, Deed] = {
    "registers": Deed(service_deeds.registers, 2),
    "signs in": Deed(service_deeds.signs_in, 12),
    "redeems a code": Deed(service_deeds.redeems_a_code, 5, _held(CODE)),
    "refreshes": Deed(service_deeds.refreshes, 6, _held(REFRESH)),
    "logs out": Deed(service_deeds.logs_out, 3, _signed_in),
    "disconnects a service": Deed(service_deeds.disconnects_a_service, 5),
    "recovers by a contact": Deed(recovery_deeds.recovers_by_a_contact, 7),
    "recovers by identity": Deed(recovery_deeds.recovers_by_identity, 6),
    "answers a recovery": Deed(recovery_deeds.answers_a_recovery, 6, _asked),
    "goes on with a page": Deed(recovery_deeds.goes_on_with_a_page, 9, _held(PAGE)),
    "changes the password": Deed(account_deeds.changes_the_password, 6),
    "changes a contact": Deed(account_deeds.changes_a_contact, 5),
    "adds the app": Deed(account_deeds.adds_the_app, 3),
    "removes the app": Deed(account_deeds.removes_the_app, 4, _with_app),
    "reports activity": Deed(account_deeds.reports_activity, 3),
    "signs out everywhere": Deed(account_deeds.signs_out_everywhere, 3),
    "asks for deletion": Deed(account_deeds.asks_for_deletion, 2),
    "keeps the account": Deed(account_deeds.keeps_the_account, 9, _in_state("deleting")),
    "an officer locks": Deed(officer_deeds.locks, 2),
    "an officer unlocks": Deed(officer_deeds.unlocks, 9, _in_state("locked")),
    "an officer withdraws the class": Deed(officer_deeds.withdraws_the_class, 1),
    "officers undo a recovery": Deed(officer_deeds.undo_a_recovery, 3, _recovered),
    "time passes": Deed(officer_deeds.time_passes, 3),
    "chores are done": Deed(officer_deeds.chores_are_done, 2),
}


def chosen(name: str, draw: int, scene: Scene) -> str:
    """The deed of this name; where there is no use in it, another one, always the same of the same scene."""
    if DEEDS[name].possible(scene):
        return name
    useful = [other for other, deed in DEEDS.items() if deed.possible(scene)]
    return Random(draw).choices(useful, [DEEDS[other].weight for other in useful])[0]
