"""`idp otp`: did the SMS arrive?"""

import click
import orjson

from idp.cli import application
from idp.core.printable import printable


@click.group()
def otp() -> None:
    """Look after one-time codes."""


@otp.command()
@click.option("--most", default=20, show_default=True, help="How many of the latest to show.")
@click.option("--account", help="Only codes for this account, by its subject.")
def deliveries(most: int, account: str | None) -> None:
    """Show how the latest codes fared: when, channel, what the gateway answered, whether it arrived, purpose, message.

    Neither the codes nor the recipients are known here.
    """
    from sqlalchemy import select

    from idp.audit import trail
    from idp.core import clock
    from idp.gateways.delivery import delivery_status
    from idp.storage.database import db

    wanted = select(trail.AuditEvent).where(trail.AuditEvent.event == "otp_sent")
    if account:
        wanted = wanted.where(trail.AuditEvent.account == account)
    with application():
        trail.drain_all()
        for row in db.session.scalars(wanted.order_by(trail.AuditEvent.position.desc()).limit(most)):
            facts = orjson.loads(row.facts)
            at = clock.wib(clock.from_timestamp(row.at / 1000)).strftime("%Y-%m-%d %H:%M:%S WIB")
            arrived = delivery_status(facts["message"])
            line = f"{at}  {facts['channel']:4}  {facts['delivery']:9}  {arrived:11}  {facts['purpose']}  {facts['message']}"
            click.echo(printable(line))
