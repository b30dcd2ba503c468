"""`idp audit`: whether the trail is whole."""

import click

from idp.cli import OperatorError, application


@click.group()
def audit() -> None:
    """Look after the audit trail."""


@audit.command()
def verify() -> None:
    """Walk the chain of all events and say whether anybody changed, removed or inserted one."""
    from idp.audit import trail

    with application():
        trail.drain_all()
        result = trail.verify()
    if isinstance(result, trail.BrokenChain):
        raise OperatorError(f"The trail breaks at position {result.position}: {result.why}. Compare it with a backup.")
    click.echo(f"All {result} events are as they were written.")
