"""`idp recovery`: what officers decide about a recovery by identity, two of them with a reason each."""

from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application
from idp.cli.casework import REASON_OPTION, attributed_reason, find_account, officer

if TYPE_CHECKING:
    from idp.probation.model import Recovery
    from idp.probation.state_machine import Act

WHICH = click.argument("recovery_id", metavar="RECOVERY")
EFFECTS = {
    "final": "the account is fully its recoverer's",
    "ready": "it can be completed with a new code now",
    "vetoed": "undone: the old contacts and password are valid again",
}


@click.group()
def recovery() -> None:
    """List, approve or undo recoveries by identity that are open or frozen.

    Two officers are needed: the first signs, the second, another person, lets it happen. Nothing personal is shown.
    """


@recovery.command("list")
@click.argument("who", required=False)
def list_(who: str | None) -> None:
    """Show the recoveries that are open or frozen, oldest first; with WHO every one of this account that is kept."""
    from idp.probation import transitions

    with application():
        rows = transitions.undecided(find_account(who).subject if who else None)
        for row in rows:
            click.echo(_line(row))
        if not rows:
            click.echo("There is none.")


@recovery.command()
@WHICH
@REASON_OPTION
def approve(recovery_id: str, reason: str) -> None:
    """Say yes: ends probation or the wait, or unlocks a frozen account for its recoverer."""
    from idp.probation.state_machine import Act

    _decide(recovery_id, Act.APPROVE, reason)


@recovery.command()
@WHICH
@REASON_OPTION
def undo(recovery_id: str, reason: str) -> None:
    """Say no: the old contacts and password are valid again, and a frozen account is unlocked."""
    from idp.probation.state_machine import Act

    _decide(recovery_id, Act.UNDO, reason)


def _decide(recovery_id: str, act: "Act", reason: str) -> None:
    from idp.audit import trail
    from idp.probation import answers, transitions
    from idp.probation.state_machine import ImpossibleAct
    from idp.probation.transitions import ConcurrentTransition

    said = attributed_reason(reason)
    with application():
        row = transitions.find(recovery_id)
        if row is None:
            raise OperatorError("No recovery has this id: see `idp recovery list`.")
        try:
            state = answers.sign_decision(row, officer(), act)
        except answers.SameOfficer:
            raise OperatorError("You have signed already: another officer must decide too.") from None
        except answers.OppositeDecision:
            raise OperatorError("The first officer signed for the opposite: talk to each other before anybody goes on.") from None
        except (ImpossibleAct, ConcurrentTransition):
            raise OperatorError(f"This cannot be done to a recovery that is {transitions.current_case(row).state}.") from None
        trail.record("recovery_decided", account=row.subject, recovery=row.id, act=act.value, reason=said)
        click.echo(f"{row.id}: signed; another officer must decide too." if state is None else f"{row.id}: {EFFECTS[state]}.")


def _line(row: "Recovery") -> str:
    from idp.core import clock
    from idp.probation import transitions

    case = transitions.current_case(row)
    until = clock.wib(clock.from_timestamp(case.until)).strftime("until %Y-%m-%d %H.%M WIB") if case.until else "for officers"
    asked = f", signed once for {row.officer_act}" if row.officer else ""
    return f"{row.id}  {row.subject}  {case.state}  {until}  {row.verdict or ''}{asked}"
