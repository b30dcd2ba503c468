"""A recovery by identity as SQL keeps it, and the links by which old contacts say yes or no to it."""

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.values import EmailAddress, PhoneNumber
from idp.probation.state_machine import Case, State
from idp.storage.database import Model
from idp.storage.sealing import sealer

_OPEN = text("state IN ('provisional', 'waiting', 'ready')")


class Recovery(Model):
    """One recovery. Times are epoch seconds; `until` is when the state ends by itself, 0 for never.

    `subject` is empty when the NIK has no account: the row is written all the same, so that the work tells nobody.
    `contacts_sealed` holds the new contacts. `old_password_hash` and `old_contacts` (ids) are what was in use before and
    a veto restores, and `old_acr` the class of the account. Device and address are blind indexes.
    `officer` is who has signed first, for `officer_act`.
    """

    __tablename__ = "recoveries"
    __table_args__ = (
        # One open recovery an account: of two that complete at once, the database lets one through.
        Index("uq_recoveries_open", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(32), index=True)
    nik_index: Mapped[str] = mapped_column(String(80), index=True)
    state: Mapped[str] = mapped_column(String(24), index=True)
    self_service: Mapped[bool] = mapped_column(Boolean)
    started_at: Mapped[int] = mapped_column(BigInteger, index=True)
    completed_at: Mapped[int | None] = mapped_column(BigInteger)
    until: Mapped[int] = mapped_column(BigInteger, index=True)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)
    inputs: Mapped[dict[str, bool] | None] = mapped_column(JSON)
    verdict: Mapped[str | None] = mapped_column(String(24))
    contacts_sealed: Mapped[str | None] = mapped_column(Text)
    old_password_hash: Mapped[str | None] = mapped_column(Text)
    old_contacts: Mapped[list[int] | None] = mapped_column(JSON)
    old_acr: Mapped[str | None] = mapped_column(String(64))
    phone_index: Mapped[str | None] = mapped_column(String(80), index=True)
    email_index: Mapped[str | None] = mapped_column(String(80), index=True)
    device_index: Mapped[str | None] = mapped_column(String(80), index=True)
    address_index: Mapped[str | None] = mapped_column(String(80), index=True)
    officer: Mapped[str | None] = mapped_column(String(64))
    officer_act: Mapped[str | None] = mapped_column(String(16))

    @property
    def case(self) -> Case:
        """Its standing as written, for the state machine."""
        return Case(State(self.state), self.started_at, self.until, self.self_service)

    @property
    def new_phone(self) -> PhoneNumber | None:
        """The new number, opened; None before the code was right."""
        return PhoneNumber(self._new_contacts()[0]) if self.contacts_sealed else None

    @property
    def new_email(self) -> EmailAddress | None:
        """The new address, opened; None before the code was right."""
        return EmailAddress(self._new_contacts()[1]) if self.contacts_sealed else None

    def sealed(self, phone: PhoneNumber, email: EmailAddress) -> dict[str, str]:
        """The columns that keep new contacts: sealed for this row, and found again by blind index."""
        return {
            "contacts_sealed": sealer().seal(f"{phone.value} {email.value}", f"recoveries.contacts:{self.id}"),
            "phone_index": sealer().index(phone.value, "phone"),
            "email_index": sealer().index(email.value, "email"),
        }

    def _new_contacts(self) -> list[str]:
        return sealer().open(self.contacts_sealed or "", f"recoveries.contacts:{self.id}").split(" ")

    def __repr__(self) -> str:
        return f"<Recovery {self.state}>"


class VetoLink(Model):
    """A link sent to one old contact, by digest; it grants one yes or no and nothing else. `contact_index` is the blind
    index of that contact, None of links from before it was kept."""

    __tablename__ = "veto_links"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    recovery: Mapped[str] = mapped_column(ForeignKey("recoveries.id", ondelete="CASCADE"), index=True)
    contact_index: Mapped[str | None] = mapped_column(String(80))
    expires_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int | None] = mapped_column(BigInteger)

    def __repr__(self) -> str:
        return "<VetoLink>"
