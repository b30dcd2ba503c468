"""`idp accounts`: what an operator may do to an account: find, lock, unlock, end its sessions; each with a reason."""

import os
import pwd
import re
import sys
from typing import TYPE_CHECKING

import click

from idp.cli import Mistake, application

if TYPE_CHECKING:
    from idp.accounts import Account
    from idp.notices import Notice

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
    from idp import audit

    with application():
        account = found(who)
        audit.record("account_found", account=account.subject, reason=signed(reason))
        for line in _lines(account):
            click.echo(line)


@accounts.command()
@WHO
@REASON
def lock(who: str, reason: str) -> None:
    """Lock an account: nobody signs in, every session and token of it ends now."""
    from idp import accounts as people
    from idp import clock, notices, sessions

    with application():
        account = found(who)
        said = signed(reason)
        _keep(account, notices.account_locked(clock.now()))
        people.lock(account, said)
        ended = sessions.end_all(account.subject)
        click.echo(f"{account.subject} is locked; {ended} sessions ended.")


@accounts.command()
@WHO
@REASON
def unlock(who: str, reason: str) -> None:
    """Unlock an account; not one whose recovery is disputed."""
    from idp import accounts as people
    from idp import clock, notices
    from idp.probation import transitions

    with application():
        account = found(who)
        if transitions.frozen_of(account.subject) is not None:
            raise Mistake("Its recovery is disputed: two officers decide with `idp recovery approve` or `idp recovery undo`.")
        said = signed(reason)
        _keep(account, notices.account_unlocked(clock.now()))
        people.unlock(account, said)
        click.echo(f"{account.subject} is unlocked.")


@accounts.command()
@WHO
@REASON
def hold(who: str, reason: str) -> None:
    """Keep an account from being erased, for as long as the law wants its record."""
    _set_hold(who, reason, held=True)


@accounts.command()
@WHO
@REASON
def release(who: str, reason: str) -> None:
    """Let a held account be erased again, when its owner has asked for that."""
    _set_hold(who, reason, held=False)


def _set_hold(who: str, reason: str, *, held: bool) -> None:
    from idp import accounts as people

    with application():
        account = found(who)
        subject = account.subject
        people.hold(account, held, signed(reason))
        click.echo(f"{subject} is {'held: it is not erased' if held else 'no longer held'}.")


@accounts.command("end-sessions")
@WHO
@REASON
def end_sessions(who: str, reason: str) -> None:
    """Sign an account out everywhere."""
    from idp import audit, clock, notices, sessions
    from idp.extensions import db

    with application():
        account = found(who)
        audit.record("sessions_ended", account=account.subject, reason=signed(reason))
        _keep(account, notices.signed_out_everywhere(clock.now()))
        db.session.commit()
        ended = sessions.end_all(account.subject)
        click.echo(f"{ended} sessions of {account.subject} ended.")


def found(who: str) -> "Account":
    """The account with this subject, NIK or contact; raises Mistake."""
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


def _keep(account: "Account", notice: "Notice") -> None:
    """Keeps the notice in the transaction of what it tells about; the running provider sends it within seconds."""
    from idp import notices
    from idp.extensions import db

    notices.write(account.contacts_in_use, notice, account.subject, db.session.connection())


def signed(reason: str) -> str:
    """`operator: reason`, without what must not stand in a trail that is kept for years; raises Mistake."""
    if len(reason.strip()) < 4:
        raise Mistake("--reason says too little: name the ticket or the decision behind this.")
    if re.search(r"\d{9,}|@", reason) or len(reason) > 200:
        raise Mistake("--reason must hold no NIK, number or address, and at most 200 characters.")
    return f"{officer()}: {reason.strip()}"


def officer() -> str:
    """Who is at the keyboard, by the user id of the process, or of whoever used sudo; a variable named USER proves nothing."""
    uid = os.environ.get("SUDO_UID", "")
    number = int(uid) if uid.isdigit() else os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _lines(account: "Account") -> list[str]:
    from idp import sessions

    known = {
        "subject": account.subject,
        "state": account.state + (", held" if account.held else ""),
        **({"deletion": f"from {_day(account.delete_at)} on"} if account.delete_at is not None else {}),
        "NIK": account.nik.masked,
        "name": account.name.masked,
        "assurance": account.acr,
        "roles": ", ".join(account.roles) or "none",
        "created": _day(account.created_at),
        "password": f"since {_day(account.password_changed_at)}",
        "sessions": str(len(sessions.of_account(account.subject))),
    }
    contacts = [f"{c.kind:10} {c.value.masked}{'' if c.current else ', replaced'}" for c in account.contacts]
    return [f"{name:10} {value}" for name, value in known.items()] + contacts


def _day(seconds: int) -> str:
    from idp import clock

    return clock.wib(clock.from_timestamp(seconds)).strftime("%Y-%m-%d")
