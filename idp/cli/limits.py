"""`idp limits`: what one person has used up, and an officer's word that lets them try again."""

import sys
from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application
from idp.cli.casework import ACCOUNT_ARGUMENT, REASON_OPTION, attributed_reason

if TYPE_CHECKING:
    from idp.core.values import Nik

# Counted for the NIK whether or not there is an account; those of an account, by its subject.
OF_NIK = ("facts_nik_day", "facts_nik_month", "registration_nik", "recovery_given_nik")
OF_ACCOUNT = ("contact_change_account", "export_account")
OF_CODES = ("second_factor", "registration", "recovery")


@click.group()
def limits() -> None:
    """Show or clear the limits that keep one person from trying again.

    WHO is a NIK, with or without an account, or a subject, number or address of an account; `-` reads it from standard input.
    """


@limits.command()
@ACCOUNT_ARGUMENT
def show(who: str) -> None:
    """Show which limits of this person are used up; those that are not are left out."""
    from idp.limits import rate_limits
    from idp.probation import frequency

    with application():
        nik, subject = _person(who)
        index = _index(nik)
        spent = [name for name, subjects in _counts(index, subject) if not rate_limits.remaining(name, *subjects)]
        wait = frequency.seconds_left(index)
        lines = spent + ([f"recovery_nik, for {wait // 86400 + 1} more days"] if wait else [])
        click.echo("\n".join(lines) or "None is used up.")


@limits.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def clear(who: str, reason: str) -> None:
    """Let this person try again: facts, codes, and one more recovery by identity within a week."""
    from idp.audit import trail
    from idp.limits import rate_limits
    from idp.probation import frequency

    said = attributed_reason(reason)
    with application():
        nik, subject = _person(who)
        index = _index(nik)
        # Audited first: what cannot be recorded is not done.
        trail.record("limits_cleared", account=subject, nik=index, reason=said)
        for name, subjects in _counts(index, subject):
            rate_limits.clear(name, *subjects)
        frequency.allow_once_more(index)
        click.echo("Cleared: this person may try again now.")


def _person(who: str) -> "tuple[Nik, str | None]":
    """The NIK, and the subject where there is an account; raises OperatorError when it is neither NIK nor account."""
    from idp.cli.casework import find_account
    from idp.core.values import InvalidValue, Nik

    wanted = sys.stdin.readline().strip() if who == "-" else who
    try:
        account = find_account(wanted)
    except OperatorError:
        try:
            return Nik.parse(wanted), None
        except InvalidValue:
            raise OperatorError("This is no NIK, and no account has it: check it digit by digit.") from None
    return account.nik, account.subject


def _index(nik: "Nik") -> str:
    from idp.storage.sealing import sealer

    return sealer().index(nik.value, "facts")


def _counts(index: str, subject: str | None) -> list[tuple[str, tuple[str, ...]]]:
    of_nik = [(name, (index,)) for name in OF_NIK]
    if subject is None:
        return list(of_nik)
    codes = [(name, (subject, share)) for name in ("otp_wrong_account", "otp_wrong_row") for share in OF_CODES]
    return [*of_nik, *((name, (subject,)) for name in OF_ACCOUNT), *codes]
