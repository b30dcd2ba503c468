"""`idp notices`: did people get to know?"""

import click

from idp.cli import application
from idp.core.printable import printable


@click.group()
def notices() -> None:
    """Look after the notices that tell people of security events."""


@notices.command()
@click.option("--days", default=3, show_default=True, help="Only those of so many days.")
def deliveries(days: int) -> None:
    """Show how notices fare: channel, state, the gateway's last answer, and how many.

    Pending ones are tried again for 72 hours. Neither the words nor the recipients are known here.
    """
    from idp import notices as kept
    from idp.core import clock

    with application():
        for row in kept.delivery_counts(clock.timestamp() - days * 86400):
            click.echo(printable(f"{row.channel:4}  {row.state:8}  {row.last_answer or '-':12}  {row.number}"))
