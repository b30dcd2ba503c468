"""What officers establish about a person: roles, that they have seen them, and a name as Dukcapil has it now."""

from collections.abc import Sequence

from idp import audit
from idp.accounts.changes import touch
from idp.accounts.model import Account
from idp.sealing import sealer
from idp.values import FullName


def assign_roles(account: Account, roles: Sequence[str], reason: str | None = None) -> None:
    """Sets what operators say this person is."""
    account.roles = sorted(set(roles))
    touch(account)
    audit.record("roles_changed", account=account.subject, reason=reason)


def assure(account: Account, acr: str, reason: str) -> None:
    """Sets how surely the account is its person's; sessions keep what they were told until the next sign-in."""
    account.acr = acr
    touch(account)
    audit.record("account_assured", account=account.subject, acr=acr, reason=reason)


def correct_name(account: Account, name: FullName, reason: str) -> None:
    """Puts the name right that was just proved; services are told it from now on."""
    account.name_sealed = sealer().seal(name.text, f"accounts.name:{account.subject}")
    touch(account)
    audit.record("name_corrected", account=account.subject, reason=reason)
