"""`idp accounts assure`, `correct`, `roles`: what officers have established about a person, in person or at Dukcapil."""

from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application
from idp.cli.casework import ACCOUNT_ARGUMENT, REASON_OPTION, attributed_reason, find_account, write_notice

if TYPE_CHECKING:
    from idp.accounts import Account
    from idp.core.values import FullName


@click.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
@click.option("--withdraw", is_flag=True, help="Take it back, and sign the account out everywhere.")
def assure(who: str, reason: str, withdraw: bool) -> None:
    """Say that an officer has seen this person and their KTP-el: the account reaches the full class.

    Services that ask for `urn:siapkerja:acr:penuh` are open to it from the next sign-in on.
    """
    from idp import accounts as people
    from idp import notices, probation
    from idp.core import clock
    from idp.core.values import ACR_DATA, ACR_FULL
    from idp.sessions import single_sign_on
    from idp.storage.unit_of_work import unit_of_work

    with application():
        account, said = find_account(who), attributed_reason(reason)
        if not withdraw and (account.locked or account.deleting or probation.current_probation(account.subject) is not None):
            raise OperatorError("It is locked, about to be deleted or just recovered: settle that first, then assure it.")
        subject = account.subject
        ended = f"; {len(single_sign_on.of_account(subject))} sessions ended" if withdraw else ""
        with unit_of_work():
            write_notice(account, notices.data_corrected("withdrawn" if withdraw else "assured", clock.now()))
            people.set_assurance_level(account, ACR_DATA if withdraw else ACR_FULL, said)
        click.echo(f"{subject} is {'no longer ' if withdraw else ''}of the full class{ended}.")


@click.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
@click.argument("given", nargs=-1, metavar="[ROLE]...")
def roles(who: str, reason: str, given: tuple[str, ...]) -> None:
    """Set what this person is at SIAPkerja, in place of what was set before; without a ROLE, nothing."""
    from idp import accounts as people
    from idp.accounts.disclosure import ROLES

    unknown = [role for role in given if role not in ROLES]
    if unknown:
        raise OperatorError(f"{unknown[0]} is no role: choose from {', '.join(ROLES)}.")
    with application():
        account, said = find_account(who), attributed_reason(reason)
        people.assign_roles(account, given, said)
        click.echo(f"{account.subject} is {', '.join(account.roles) or 'nothing in particular'}.")


@click.command()
@ACCOUNT_ARGUMENT
@REASON_OPTION
def correct(who: str, reason: str) -> None:
    """Correct the name of a person who stands before you, once Dukcapil has it so.

    Asks for the new name, and for the mother's name without showing it; Dukcapil decides, and the mother's name is not
    kept.
    """
    from idp import accounts as people
    from idp import notices
    from idp.core import clock
    from idp.storage.unit_of_work import unit_of_work

    with application():
        account, said = find_account(who), attributed_reason(reason)
        proof = _asked(account)
        with unit_of_work():
            write_notice(account, notices.data_corrected("name", clock.now()))
            people.correct_name(account, proof, said)
        click.echo(f"{account.subject} has the name that Dukcapil has.")


def _asked(account: "Account") -> "FullName":
    from idp.core.values import FullName, InvalidValue
    from idp.gateways.civil_registry import RegistryUnavailable
    from idp.identity import proofing
    from idp.limits.rate_limits import TooManyAttempts

    try:
        name = FullName.parse(click.prompt("Name as on the KTP-el"))
        mothers_name = FullName.parse(click.prompt("Mother's maiden name", hide_input=True))
        return proofing.prove_to_officer(account.nik, name, mothers_name).name
    except InvalidValue:
        raise OperatorError("A name holds letters, spaces and . ' - only: type it as on the KTP-el.") from None
    except proofing.FactsDoNotMatch:
        raise OperatorError("Dukcapil does not know these facts: they are mended at the local Dukcapil first.") from None
    except proofing.RecordNeedsAttention:
        raise OperatorError("Dukcapil's record is not in order: the local Dukcapil mends it, nobody else can.") from None
    except RegistryUnavailable:
        raise OperatorError("Dukcapil does not answer now; nothing was counted: try again later.") from None
    except TooManyAttempts as limit:
        raise OperatorError(f"This NIK was asked about too often: try again in {-(-limit.retry_after // 60)} minutes.") from None
