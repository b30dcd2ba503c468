"""`idp accounts`: what an operator may do to an account: find, lock, hold, end its sessions; each with a reason."""

from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application
from idp.cli.casework import ACCOUNT_ARGUMENT, REASON_OPTION, attributed_reason, find_account, write_notice
from idp.cli.officers import assure, correct, roles

if TYPE_CHECKING:
    from idp.accounts import Account


@click.group()
def accounts() -> None:
    """Find, lock, hold or correct an account, or end its sessions.

    WHO is a subject, NIK, handphone number or e-mail address; `-` reads it from standard input, so that it stays out
    of the shell's history. Nobody can sign in as somebody else or change a contact here.
    """


for command in (assure, correct, roles):
    accounts.add_command(command)


@accounts.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def find(who: str, reason: str) -> None:
    """Show an account, masked."""
    from idp.audit import trail

    with application():
        account = find_account(who)
        trail.record("account_found", account=account.subject, reason=attributed_reason(reason))
        for line in _lines(account):
            click.echo(line)


@accounts.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def lock(who: str, reason: str) -> None:
    """Lock an account: nobody signs in, every session and token of it ends now."""
    from idp import accounts as people
    from idp import notices
    from idp.core import clock
    from idp.sessions import single_sign_on
    from idp.storage.unit_of_work import unit_of_work

    with application():
        account = find_account(who)
        said, subject = attributed_reason(reason), account.subject
        ended = len(single_sign_on.of_account(subject))
        with unit_of_work():
            write_notice(account, notices.account_locked(clock.now()))
            people.lock(account, said)
        click.echo(f"{subject} is locked; {ended} sessions ended.")


@accounts.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def unlock(who: str, reason: str) -> None:
    """Unlock an account; not one whose recovery is disputed."""
    from idp import accounts as people
    from idp import notices
    from idp.core import clock
    from idp.probation import transitions
    from idp.storage.unit_of_work import unit_of_work

    with application():
        account = find_account(who)
        if transitions.disputed_recovery(account.subject) is not None:
            raise OperatorError(
                "Its recovery is disputed: two officers decide with `idp recovery approve` or `idp recovery undo`."
            )
        said = attributed_reason(reason)
        with unit_of_work():
            write_notice(account, notices.account_unlocked(clock.now()))
            people.unlock(account, said)
        click.echo(f"{account.subject} is unlocked.")


@accounts.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def hold(who: str, reason: str) -> None:
    """Keep an account from being erased, for as long as the law wants its record."""
    _set_hold(who, reason, legal_hold=True)


@accounts.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def release(who: str, reason: str) -> None:
    """Let a held account be erased again, when its owner has asked for that."""
    _set_hold(who, reason, legal_hold=False)


def _set_hold(who: str, reason: str, *, legal_hold: bool) -> None:
    from idp import accounts as people

    with application():
        account = find_account(who)
        subject = account.subject
        people.set_legal_hold(account, legal_hold, attributed_reason(reason))
        click.echo(f"{subject} is {'held: it is not erased' if legal_hold else 'no longer held'}.")


@accounts.command("end-sessions")
@ACCOUNT_ARGUMENT
@REASON_OPTION
def end_sessions(who: str, reason: str) -> None:
    """Sign an account out everywhere: every session ends, and whatever services could go on with without one."""
    from idp import accounts as people
    from idp import notices
    from idp.audit import trail
    from idp.core import clock
    from idp.sessions import single_sign_on
    from idp.storage.unit_of_work import unit_of_work

    with application():
        account, said = find_account(who), attributed_reason(reason)
        subject = account.subject
        ended = len(single_sign_on.of_account(subject))
        with unit_of_work():
            people.generations.raise_generation(account.subject)
            trail.record("sessions_ended", account=account.subject, reason=said)
            write_notice(account, notices.signed_out_everywhere(clock.now()))
        click.echo(f"{ended} sessions of {subject} ended.")


def _lines(account: "Account") -> list[str]:
    from idp.sessions import single_sign_on

    known = {
        "subject": account.subject,
        "state": account.state + (", held" if account.legal_hold else ""),
        **({"deletion": f"from {_day(account.delete_at)} on"} if account.delete_at is not None else {}),
        "NIK": account.nik.masked,
        "name": account.name.masked,
        "assurance": account.acr,
        "roles": ", ".join(account.roles) or "none",
        "created": _day(account.created_at),
        "password": f"since {_day(account.password_changed_at)}",
        "sessions": str(len(single_sign_on.of_account(account.subject))),
    }
    contacts = [f"{c.kind:10} {c.value.masked}{'' if c.current else ', replaced'}" for c in account.contacts]
    return [f"{name:10} {value}" for name, value in known.items()] + contacts


def _day(seconds: int) -> str:
    from idp.core import clock

    return clock.wib(clock.from_timestamp(seconds)).strftime("%Y-%m-%d")
