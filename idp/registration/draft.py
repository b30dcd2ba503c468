"""What a registration has gathered so far; the step follows from the facts and is never stored."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from idp.code_step import SentCode
from idp.identity import Proof
from idp.values import EmailAddress, PhoneNumber


@dataclass(frozen=True, slots=True)
class Draft:
    """A registration under way. Each step writes the facts up to its own, so going back drops the later ones.

    The password is a hash by now. The mother's name is never here. `refused` is a contact that turned out to be
    somebody else's once the person had proved to have the phone; `told` is that the owner of a known NIK knows.
    """

    proof: dict[str, Any] | None = None
    email: str = ""
    phone: str = ""
    password_hash: str = ""
    code: dict[str, Any] | None = None
    verified: bool = False
    refused: str = ""
    told: bool = False
    done: bool = False

    @classmethod
    def load(cls, notes: dict[str, Any]) -> Self:
        """From the interaction's notes; what another version of this code kept there is passed over."""
        return cls(**{k: v for k, v in notes.items() if k in cls.__dataclass_fields__})

    def notes(self) -> dict[str, Any]:
        """For the interaction, which seals them."""
        return asdict(self)

    @property
    def step(self) -> str:
        """Where the person is, as the name of the page: identity, contact, verify or done."""
        if self.done:
            return "done"
        if self.proof and self.code and self.password_hash:
            return "verify"
        return "contact" if self.proof and (self.code or self.proved.fresh) else "identity"

    @property
    def proved(self) -> Proof:
        """The proof of identity; only after the first step."""
        assert self.proof is not None
        return Proof.from_dict(self.proof)

    @property
    def sent(self) -> SentCode:
        """The code on its way; only at the step that asks for it."""
        assert self.code is not None
        return SentCode(**self.code)

    @property
    def phone_number(self) -> PhoneNumber:
        """The number to verify."""
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

    def without(self, kind: str) -> Self:
        """Back to the contacts, since the `email` or `phone` is another account's; a number that was proved stays so."""
        if kind == "email":
            return replace(self, password_hash="", refused=self.email)
        return replace(self, password_hash="", refused=self.phone, code=None, verified=False)
