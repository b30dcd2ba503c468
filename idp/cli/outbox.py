"""`idp outbox`: the messages that the stand-in gateways kept, in development only."""

import click

from idp.cli import OperatorError, application


@click.command()
@click.option("--to", "recipient", help="Only messages to this number or address.")
def outbox(recipient: str | None) -> None:
    """Show what would have been sent by SMS and e-mail, newest last."""
    from idp.core.settings import load_settings

    if load_settings().production:
        raise OperatorError("There is no outbox in production: messages go to the gateways of IDP_SMS_URL and IDP_MAIL_URL.")
    with application():
        from idp.gateways.outbox import messages

        for message in messages(recipient):
            click.echo(f"{message.kind} to {message.to}: {message.subject}\n{message.text}\n")
