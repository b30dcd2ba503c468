"""What a recovery has gathered so far; the step follows from the facts and is never stored."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from idp.identity import Proof
from idp.values import EmailAddress, PhoneNumber

PHONE, EMAIL, IDENTITY = "phone", "email", "identity"


@dataclass(frozen=True, slots=True)
class Draft:
    """A recovery under way: by `phone` or `email` (resets the password), or by `identity` (new contacts too)."""

    way: str = ""
    account: str = ""
    proof: dict[str, Any] | None = None
    recipient: str = ""
    email: str = ""
    password_hash: str = ""
    challenge: str = ""
    sent_at: int = 0
    resend_at: int = 0
    delivery: str = ""
    verified: bool = False
    told: bool = False
    done: bool = False

    @classmethod
    def load(cls, notes: dict[str, Any]) -> Self:
        """From the interaction's notes."""
        return cls(**{k: v for k, v in notes.items() if k in cls.__dataclass_fields__})

    def notes(self) -> dict[str, Any]:
        """For the interaction, which seals them."""
        return asdict(self)

    @property
    def step(self) -> str:
        """Where the person is, as the name of the page."""
        if self.done:
            return "done"
        if self.way == IDENTITY:
            return self._identity_step()
        if not self.challenge:
            return "choose"
        return "password" if self.verified else "verify"

    def _identity_step(self) -> str:
        if not self.proof or not (self.challenge or Proof.from_dict(self.proof).fresh):
            return "prove_identity"
        return "verify" if self.challenge else "contact"

    @property
    def contact(self) -> PhoneNumber | EmailAddress:
        """Where the code went."""
        return EmailAddress(self.recipient) if self.way == EMAIL else PhoneNumber(self.recipient)

    @property
    def purpose(self) -> str:
        """What the code is for: one way's code is good for nothing else."""
        return f"recovery-{self.way}"
