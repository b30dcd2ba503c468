"""`idp audit`: whether the trail is whole, and how far it goes."""

import click

from idp.cli import OperatorError, application
from idp.cli.casework import REASON_OPTION, attributed_reason


@click.group()
def audit() -> None:
    """Look after the audit trail."""


@audit.command()
@click.option(
    "--head", "noted", multiple=True, metavar="POSITION:HASH", help="A head that was noted before, as often as you like."
)
def verify(noted: tuple[str, ...]) -> None:
    """Walk the chain of all events and say whether anybody changed, removed or inserted one.

    Heads stand in the logs (`audit_head`, `audit_anchor`) and are printed by `idp audit head`: noted on another machine
    they tell even of somebody who wrote the whole trail anew.
    """
    from idp.audit import head, trail

    try:
        links = [head.parse(one) for one in noted]
    except ValueError:
        raise OperatorError("--head is POSITION:HASH, as `idp audit head` prints it.") from None
    with application():
        trail.drain_all()
        try:
            result = trail.verify(*links)
        except ValueError:
            raise OperatorError("--head is older than the oldest row that is kept: give a later one.") from None
    if isinstance(result, trail.BrokenChain):
        raise OperatorError(f"The trail breaks at position {result.position}: {result.why}. Compare it with a backup.")
    click.echo(f"All {result} events are as they were written.")


@audit.command()
def head() -> None:
    """Print the newest row's POSITION:HASH: note it where nobody who can write to the tables can, and verify with it."""
    from idp.audit import head as heads
    from idp.audit import trail

    with application():
        trail.drain_all()
        click.echo(heads.written(heads.remembered()))


@audit.command("accept-restored")
@REASON_OPTION
def accept_restored(reason: str) -> None:
    """After a backup was restored: take its trail for the whole one, although Redis and the logs remember a later head.

    What was recorded after the backup is lost. The trail keeps who accepted that, and why; a trail that was changed is
    not accepted.
    """
    from idp.audit import restoration
    from idp.audit.trail import BrokenChain

    said = attributed_reason(reason)
    with application():
        result = restoration.accept_restored(said)
    if isinstance(result, BrokenChain):
        raise OperatorError(f"The trail breaks at position {result.position}: {result.why}. Restore another backup.")
    old, new = result
    click.echo(f"Accepted: the trail ends at {new.position}; {max(old.position - new.position, 0)} events after it are lost.")
