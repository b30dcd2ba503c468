"""Which account, who acts on it, and why: what every command about a person asks first."""

import pwd
import re
import sys
from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, callers

if TYPE_CHECKING:
    from idp.accounts import Account
    from idp.notices import Notice

REASON_OPTION = click.option("--reason", required=True, help="Why, for the audit trail: a ticket number, nothing personal.")
ACCOUNT_ARGUMENT = click.argument("who")


def find_account(who: str) -> "Account":
    """The account with this subject, NIK or contact; raises Mistake."""
    from idp import accounts as people
    from idp.core.values import InvalidValue, parse_identifier

    wanted = sys.stdin.readline().strip() if who == "-" else who
    account = people.find(wanted)
    if account is None:
        try:
            account = people.find_by_identifier(parse_identifier(wanted))
        except InvalidValue:
            account = None
    if account is None:
        # What was typed is not repeated: this sentence may end up in a log.
        raise OperatorError("No account has this subject, NIK, number or address: check it digit by digit.")
    return account


def write_notice(account: "Account", notice: "Notice") -> None:
    """Keeps the notice in the unit of work of what it tells about; the running provider sends it within seconds."""
    from idp import notices

    notices.enqueue(account.contacts_in_use, notice, account.subject)


def attributed_reason(reason: str) -> str:
    """`operator: reason`, without what must not stand in a trail that is kept for years; raises Mistake."""
    if len(reason.strip()) < 4:
        raise OperatorError("--reason says too little: name the ticket or the decision behind this.")
    if re.search(r"\d{9,}|@", reason) or len(reason) > 200:
        raise OperatorError("--reason must hold no NIK, number or address, and at most 200 characters.")
    return f"{officer()}: {reason.strip()}"


def officer() -> str:
    """Who is at the keyboard, by the kernel's word (see `callers`); raises OperatorError when it names no person."""
    try:
        number = callers.caller()
    except callers.CallerUnknown:
        raise OperatorError("Nothing says who you are: log in as yourself, and run this by sudo from your own shell.") from None
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
