"""What a registration has gathered so far; the step follows from the facts and is never stored."""

from dataclasses import dataclass, replace
from typing import Any, Self

from idp.core.values import EmailAddress, PhoneNumber
from idp.identity.draft import IdentityDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(IdentityDraft):
    """A registration under way. Each step writes the facts up to its own, so going back drops the later ones.

    `told` is that the owner of a known NIK knows. `email_code` is the code on its way to the address of the new account.
    """

    phone: str = ""
    told: bool = False
    done: bool = False
    email_code: dict[str, Any] | None = None

    @property
    def step(self) -> str:
        """Where the person is, as the name of the page: identity, contact, verify or done."""
        if self.done:
            return "done"
        if self.proof and self.code and self.password_hash:
            return "verify"
        return "contact" if self.proof and (self.code or self.proved.fresh) else "identity"

    @property
    def phone_number(self) -> PhoneNumber:
        """The number to which the code goes."""
        return PhoneNumber(self.phone)

    @property
    def email_address(self) -> EmailAddress:
        """The address of the account to be."""
        return EmailAddress(self.email)

    def with_contacts(self, email: EmailAddress, phone: PhoneNumber, password_hash: str) -> Self:
        """Contacts given anew; the same number needs no second code, another one drops what was sent and verified."""
        same = phone.value == self.phone
        given = replace(self, email=email.value, phone=phone.value, password_hash=password_hash, refused="")
        return given if same else replace(given, code=None, verified=False)

    def without_phone(self) -> Self:
        """Back to the contacts, since the number is another account's."""
        return replace(self, password_hash="", refused=self.phone, code=None, verified=False)
