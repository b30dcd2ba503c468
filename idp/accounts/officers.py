"""What officers establish about a person: roles, that they have seen them, and a name as Dukcapil has it now."""

from collections.abc import Sequence

from idp.accounts import generations
from idp.accounts.changes import claims_changed
from idp.accounts.model import Account
from idp.audit import trail
from idp.core.values import ACR_DATA, FullName
from idp.storage.sealing import sealer
from idp.storage.unit_of_work import unit_of_work


def assign_roles(account: Account, roles: Sequence[str], reason: str | None = None) -> None:
    """Sets what operators say this person is."""
    with unit_of_work():
        account.roles = sorted(set(roles))
        claims_changed(account)
        trail.record("roles_changed", account=account.subject, reason=reason)


def set_assurance_level(account: Account, acr: str, reason: str) -> None:
    """Sets how surely the account is its person's. Sessions keep a lower class until the next sign-in, and no higher one."""
    with unit_of_work():
        if acr == ACR_DATA:
            generations.raise_generation(account.subject)
        account.acr = acr
        claims_changed(account)
        trail.record("account_assured", account=account.subject, acr=acr, reason=reason)


def correct_name(account: Account, name: FullName, reason: str) -> None:
    """Puts the name right that was just proved; services are told it from now on."""
    with unit_of_work():
        account.name_sealed = sealer().seal(name.text, f"accounts.name:{account.subject}")
        claims_changed(account)
        trail.record("name_corrected", account=account.subject, reason=reason)
