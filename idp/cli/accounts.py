"""`idp accounts`: what an operator may do to an account: find, lock, unlock, end its sessions; each with a reason."""

import sys
from typing import TYPE_CHECKING

import click

from idp.cli import Mistake, application

if TYPE_CHECKING:
    from idp.accounts import Account

REASON = click.option("--reason", required=True, help="Why, for the audit trail: a ticket number, nothing personal.")
WHO = click.argument("who")


@click.group()
def accounts() -> None:
    """Find, lock or unlock an account, or end its sessions.

    WHO is a subject, NIK, handphone number or e-mail address; `-` reads it from standard input, so that it stays out
    of the shell's history. Nobody can sign in as somebody else or change a contact here.
    """


@accounts.command()
@WHO
@REASON
def find(who: str, reason: str) -> None:
    """Show an account, masked."""
    with application():
        account = _found(who)
        _record("account_found", account, reason)
        for line in _lines(account):
            click.echo(line)


@accounts.command()
@WHO
@REASON
def lock(who: str, reason: str) -> None:
    """Lock an account: nobody signs in, every session and token of it ends now."""
    from idp import accounts as people
    from idp import sessions

    with application():
        account = _found(who)
        people.lock(account, _checked(reason))
        ended = sessions.end_all(account.subject)
        click.echo(f"{account.subject} is locked; {ended} sessions ended.")


@accounts.command()
@WHO
@REASON
def unlock(who: str, reason: str) -> None:
    """Unlock an account."""
    from idp import accounts as people

    with application():
        account = _found(who)
        people.unlock(account, _checked(reason))
        click.echo(f"{account.subject} is unlocked.")


@accounts.command("end-sessions")
@WHO
@REASON
def end_sessions(who: str, reason: str) -> None:
    """Sign an account out everywhere."""
    from idp import sessions

    with application():
        account = _found(who)
        _record("sessions_ended", account, reason)
        click.echo(f"{sessions.end_all(account.subject)} sessions of {account.subject} ended.")


def _found(who: str) -> "Account":
    from idp import accounts as people
    from idp.values import InvalidValue, parse_identifier

    wanted = sys.stdin.readline().strip() if who == "-" else who
    account = people.find(wanted)
    if account is None:
        try:
            account = people.find_by_identifier(parse_identifier(wanted))
        except InvalidValue:
            account = None
    if account is None:
        # What was typed is not repeated: this sentence may end up in a log.
        raise Mistake("No account has this subject, NIK, number or address: check it digit by digit.")
    return account


def _checked(reason: str) -> str:
    """The reason without what must not stand in a trail that is kept for years; raises Mistake."""
    import re

    if len(reason.strip()) < 4:
        raise Mistake("--reason says too little: name the ticket or the decision behind this.")
    if re.search(r"\d{9,}|@", reason) or len(reason) > 200:
        raise Mistake("--reason must hold no NIK, number or address, and at most 200 characters.")
    return reason.strip()


def _record(event: str, account: "Account", reason: str) -> None:
    from idp import audit

    audit.record(event, account=account.subject, reason=_checked(reason), operator=_operator())  # type: ignore[arg-type]


def _operator() -> str:
    import getpass

    return getpass.getuser()


def _lines(account: "Account") -> list[str]:
    return [str(account)]
