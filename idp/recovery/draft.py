"""What a recovery has gathered so far; the step follows from the facts and is never stored."""

from dataclasses import dataclass, replace
from typing import Self

from idp.core.values import ContactValue, EmailAddress, PhoneNumber, contact_of_kind
from idp.identity.draft import IdentityDraft

PHONE, EMAIL, IDENTITY = PhoneNumber.kind, EmailAddress.kind, "identity"
# How it ended: the password or a waited-for recovery is done; probation; a wait; no account; another recovery is open.
RECOVERED, PROVISIONAL, WAITING = "recovered", "provisional", "waiting"
NO_ACCOUNT, REFUSED, WITHDRAWN = "no account", "refused", "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(IdentityDraft):
    """A recovery under way: by `phone` or `email` (resets the password), or by `identity` (new contacts too).

    `account` is the subject, empty when there is none: nobody is told before the end; `generation` is the account's when
    the recovery began, and the recovery counts for that one only. `warned` is that its contacts, if any, were told at once.
    `recovery` is the id of what SQL knows of it. `knew_password` is that the previous password was given too. `outcome` is
    the end, and `until` when it gets better (epoch seconds).
    """

    way: str = ""
    account: str = ""
    generation: int = 0
    warned: bool = False
    recovery: str = ""
    knew_password: bool = False
    recipient: str = ""
    outcome: str = ""
    until: int = 0

    @property
    def step(self) -> str:
        """Where the person is, as the name of the page."""
        if self.outcome:
            return "done"
        if self.way == IDENTITY:
            return self._identity_step()
        if not self.code:
            return "choose"
        return "password" if self.verified else "verify"

    def _identity_step(self) -> str:
        if self.proof and self.code and self.password_hash:
            return "verify"
        return "contact" if self.proof and (self.code or self.proved.fresh) else "prove_identity"

    @property
    def contact(self) -> ContactValue:
        """The contact to which the code goes."""
        return contact_of_kind(EMAIL if self.way == EMAIL else PHONE, self.recipient)

    @property
    def purpose(self) -> str:
        """What the code is for: one way's code is good for nothing else."""
        return f"recovery-{self.way}"

    def with_contacts(self, email: EmailAddress, phone: PhoneNumber, password_hash: str) -> Self:
        """New contacts given anew; the same number needs no second code, another one drops what was sent and verified."""
        same = phone.value == self.recipient
        given = replace(self, email=email.value, recipient=phone.value, password_hash=password_hash, refused="")
        return given if same else replace(given, code=None, verified=False)

    def without_phone(self) -> Self:
        """Back to the contacts, since the number is another account's."""
        return replace(self, password_hash="", refused=self.recipient, code=None, verified=False)
