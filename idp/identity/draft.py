"""What registration and recovery by identity gather alike: the proof, new contacts, a password's hash, and the code."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from idp.identity.proofing import IdentityProof
from idp.one_time_codes.code_step import SentCode


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDraft:
    """A journey under way, as its room's notes keep it; a room adds what is its own.

    The password is a hash by now, and the mother's name was never here. `refused` is a contact that turned out to be
    somebody else's once the person had proved to have the phone.
    """

    proof: dict[str, Any] | None = None
    email: str = ""
    password_hash: str = ""
    code: dict[str, Any] | None = None
    verified: bool = False
    refused: str = ""

    @classmethod
    def load(cls, notes: dict[str, Any]) -> Self:
        """From the interaction's notes; what another version of this code kept there is passed over."""
        return cls(**{k: v for k, v in notes.items() if k in cls.__dataclass_fields__})

    def notes(self) -> dict[str, Any]:
        """For the interaction, which seals them."""
        return asdict(self)

    @property
    def proved(self) -> IdentityProof:
        """The proof of identity; only after that step."""
        assert self.proof is not None
        return IdentityProof.from_dict(self.proof)

    @property
    def form_prefill(self) -> dict[str, str]:
        """What the form of that step is filled in with by whoever comes back to it."""
        return {"nik": self.proved.nik.value, "name": self.proved.name.text} if self.proof else {}

    @property
    def sent(self) -> SentCode:
        """The code on its way; only at the step that asks for it."""
        assert self.code is not None
        return SentCode(**self.code)
