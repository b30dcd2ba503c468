"""What a registration has gathered so far; the step follows from the facts and is never stored."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from idp.identity import Proof
from idp.values import EmailAddress, PhoneNumber


@dataclass(frozen=True, slots=True)
class Draft:
    """A registration under way. Going back drops the later facts, since each step writes the facts up to its own."""

    proof: dict[str, Any] | None = None
    email: str = ""
    phone: str = ""
    password_hash: str = ""
    challenge: str = ""
    sent_at: int = 0
    resend_at: int = 0
    delivery: str = ""
    verified: bool = False
    done: bool = False

    @classmethod
    def load(cls, notes: dict[str, Any]) -> Self:
        """From the interaction's notes."""
        return cls(**{k: v for k, v in notes.items() if k in cls.__dataclass_fields__})

    def notes(self) -> dict[str, Any]:
        """For the interaction, which seals them. The password is a hash by now, the mother's name was never here."""
        return asdict(self)

    @property
    def step(self) -> str:
        """Where the person is: identity, contact, verify or done."""
        if self.done:
            return "done"
        if not self.proof or not (self.verified or Proof.from_dict(self.proof).fresh or self.challenge):
            return "identity"
        return "verify" if self.challenge else "contact"

    @property
    def proved(self) -> Proof:
        """The proof of identity; only after the first step."""
        assert self.proof is not None
        return Proof.from_dict(self.proof)

    @property
    def phone_number(self) -> PhoneNumber:
        """The number to verify."""
        return PhoneNumber(self.phone)

    @property
    def email_address(self) -> EmailAddress:
        """The address of the account to be."""
        return EmailAddress(self.email)
