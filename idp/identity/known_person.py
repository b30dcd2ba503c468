"""Whose facts the registry has just confirmed, for the next room of the same interaction: nobody types twice what was right."""

from dataclasses import dataclass, field
from typing import Any

from idp.core.values import EmailAddress, PhoneNumber
from idp.gateways.civil_registry import THRESHOLDS, Purpose
from idp.identity.proofing import IdentityProof
from idp.interaction.pending import Interaction

NOTES = "known-person"


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """The proof, what it was made for, and the contacts that were given since (empty where none were)."""

    proof: IdentityProof
    purpose: Purpose
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    @property
    def prefill(self) -> dict[str, str]:
        """What a form of another room is filled in with."""
        return {"nik": self.proof.nik.value, "name": self.proof.name.text}

    def proves_for(self, purpose: Purpose) -> bool:
        """Whether the proof stands for another purpose too: names must have been at least as much alike (fails closed)."""
        return self.proof.fresh and THRESHOLDS[self.purpose] >= THRESHOLDS[purpose]


def remember(
    waiting: Interaction,
    proof: IdentityProof,
    purpose: Purpose,
    email: EmailAddress | None = None,
    phone: PhoneNumber | None = None,
) -> None:
    """Keeps it with the interaction, which the caller saves."""
    notes: dict[str, Any] = {"proof": proof.to_dict(), "purpose": purpose}
    notes |= {"email": email.value if email else "", "phone": phone.value if phone else ""}
    waiting.put_draft(NOTES, notes)


def recall(waiting: Interaction) -> KnownPerson | None:
    """Whoever was proved in this interaction; None where nobody was."""
    notes = waiting.draft(NOTES)
    if not notes:
        return None
    return KnownPerson(IdentityProof.from_dict(notes["proof"]), notes["purpose"], notes["email"], notes["phone"])
