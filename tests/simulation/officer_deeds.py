"""What officers, the clock and a serving process do."""

from random import Random

from idp import accounts, probation
from idp.accounts import officers
from idp.core.values import ACR_DATA, ACR_FULL
from idp.probation import answers, transitions
from idp.probation.state_machine import ImpossibleAct
from tests.simulation.scene import Elsewhere, Scene

HOUR, DAY = 3600, 86400
TICKET = "tiket 4711"


def _account(scene: Scene, random: Random) -> accounts.Account:
    actor = scene.owner(random)
    scene.acts_for(actor)
    found = accounts.find(scene.facts[actor.name].subject)
    if found is None:
        raise Elsewhere("there is no account")
    return found


def locks(scene: Scene, random: Random) -> None:
    """Nobody signs in any more."""
    with scene.house.inside():
        account = _account(scene, random)
        scene.promises(state="locked")
        accounts.lock(account, TICKET)
        scene.act.acknowledged = True


def unlocks(scene: Scene, random: Random) -> None:
    """Unless a recovery is disputed."""
    with scene.house.inside():
        account = _account(scene, random)
        if not account.locked or transitions.disputed_recovery(account.subject) is not None:
            raise Elsewhere("there is nothing to unlock")
        scene.promises(state="active")
        if account.delete_at is not None:
            scene.promises(state="deleting")
        accounts.unlock(account, TICKET)
        scene.act.acknowledged = True


def withdraws_the_class(scene: Scene, random: Random) -> None:
    """Officers had seen the person, and take that back."""
    with scene.house.inside():
        account = _account(scene, random)
        officers.set_assurance_level(account, ACR_FULL, TICKET)
        scene.promises()
        officers.set_assurance_level(account, ACR_DATA, TICKET)
        scene.act.acknowledged, scene.act.ends = True, "before the class was withdrawn"


def undo_a_recovery(scene: Scene, random: Random) -> None:
    """Two officers sign."""
    with scene.house.inside():
        _account(scene, random)
        name = scene.act.account
        found = next(
            (row for row in reversed(scene.facts[name].recoveries) if row[1] in ("provisional", "disputed", "final")), None
        )
        row = transitions.find(found[0]) if found else None
        if row is None or name not in scene.before:
            raise Elsewhere("there is none")
        scene.promises()
        scene.act.also = scene.restored(name) | {"state": "active"}
        try:
            for officer in ("officer-1", "officer-2"):
                answers.sign_decision(row, officer, probation.Act.UNDO)
        except (ImpossibleAct, answers.SameOfficer, accounts.ContactTaken, transitions.ConcurrentTransition):
            raise Elsewhere("it is over") from None
        scene.act.acknowledged, scene.act.ends = True, "before officers undid a recovery"


def time_passes(scene: Scene, random: Random) -> None:
    """Hours or days."""
    scene.passes(random.choice((2 * HOUR, 25 * HOUR, 73 * HOUR, 4 * DAY, 31 * DAY)))
    scene.act.acknowledged = True


def chores_are_done(scene: Scene, random: Random) -> None:
    """What a serving process does on the side; a fault may strike it too."""
    scene.house.does_chores()
    scene.act.acknowledged = True
