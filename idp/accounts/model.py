"""The person's record: an account and its contacts, personal values sealed, found again by blind index."""

from typing import cast

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.core.values import ContactValue, EmailAddress, FullName, Nik, PhoneNumber, contact_of_kind
from idp.storage.database import Model
from idp.storage.sealing import sealer

ACTIVE, LOCKED, DELETING = "active", "locked", "deleting"
PHONE, EMAIL = PhoneNumber.kind, EmailAddress.kind

# Version of the privacy policy and the terms that whoever registers agrees to (UU 27/2022 article 22): raised with the texts.
TERMS = "2026-11"

_TAKEN = text("superseded_at IS NULL AND verified_at IS NOT NULL")


class Account(Model):
    """One person; `subject` becomes `sub` and never changes. Times are epoch seconds.

    `terms` is the version of policy and terms that was agreed to when it was created. `delete_at` is when a deletion that
    was asked for may be done, unless it is `held`: the law wants the record kept. `generation` is raised by every change
    after which nothing of before may count.
    """

    __tablename__ = "accounts"

    subject: Mapped[str] = mapped_column(String(32), primary_key=True)
    nik_sealed: Mapped[str] = mapped_column(Text)
    nik_index: Mapped[str] = mapped_column(String(80), unique=True)
    name_sealed: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    acr: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(8))
    roles: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)
    password_changed_at: Mapped[int] = mapped_column(BigInteger)
    terms: Mapped[str | None] = mapped_column(String(16))
    delete_at: Mapped[int | None] = mapped_column(BigInteger, index=True)
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    legal_hold: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    contacts: Mapped[list["Contact"]] = relationship(back_populates="account", cascade="all, delete-orphan")

    @property
    def nik(self) -> Nik:
        """The NIK of the person, unsealed."""
        return Nik(sealer().open(self.nik_sealed, f"accounts.nik:{self.subject}"))

    @property
    def name(self) -> FullName:
        """The name as at Dukcapil, opened."""
        return FullName(sealer().open(self.name_sealed, f"accounts.name:{self.subject}"))

    @property
    def phone(self) -> PhoneNumber | None:
        """The handphone number in use."""
        return cast(PhoneNumber | None, self._in_use(PHONE))

    @property
    def email(self) -> EmailAddress | None:
        """The e-mail address in use."""
        return cast(EmailAddress | None, self._in_use(EMAIL))

    def _in_use(self, kind: str) -> ContactValue | None:
        return next((contact.value for contact in self.contacts if contact.current and contact.kind == kind), None)

    @property
    def contacts_in_use(self) -> list[ContactValue]:
        """Where this person is to be told of what happens to the account."""
        return [contact.value for contact in self.contacts if contact.current]

    @property
    def verified_contacts(self) -> list[ContactValue]:
        """Those in use that a code has come to: only by them is the account recovered."""
        return [contact.value for contact in self.contacts if contact.current and contact.verified_at is not None]

    def contacts_since(self, moment: int) -> list[ContactValue]:
        """Those in use, and those that were after `moment` (epoch seconds): their owner may still say no."""
        return [c.value for c in self.contacts if c.superseded_at is None or c.superseded_at > moment]

    @property
    def locked(self) -> bool:
        """Whether an operator has locked it."""
        return self.state == LOCKED

    @property
    def deleting(self) -> bool:
        """Whether its owner has asked for its deletion, and may still call that off."""
        return self.state == DELETING

    def __repr__(self) -> str:
        return f"<Account {self.subject}>"


class Contact(Model):
    """A handphone number or address; one that was replaced is kept, so that its owner can still be told. An address without
    `verified_at` was typed and never proved: several accounts may have it, and it blocks nobody."""

    __tablename__ = "contacts"
    __table_args__ = (
        # Of the proved contacts in use no two are alike: of two registrations that race, the database lets one through.
        Index("uq_contacts_in_use", "kind", "value_index", unique=True, sqlite_where=_TAKEN, postgresql_where=_TAKEN),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    subject: Mapped[str] = mapped_column(ForeignKey("accounts.subject", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    value_sealed: Mapped[str] = mapped_column(Text)
    value_index: Mapped[str] = mapped_column(String(80), index=True)
    verified_at: Mapped[int | None] = mapped_column(BigInteger)
    superseded_at: Mapped[int | None] = mapped_column(BigInteger, index=True)
    account: Mapped[Account] = relationship(back_populates="contacts")

    @property
    def current(self) -> bool:
        """Whether it is in use."""
        return self.superseded_at is None

    @property
    def value(self) -> ContactValue:
        """The number or address of the contact, unsealed."""
        opened = sealer().open(self.value_sealed, f"contacts.value:{self.subject}")
        return contact_of_kind(self.kind, opened)

    @classmethod
    def of(cls, subject: str, value: ContactValue, verified_at: int | None) -> "Contact":
        """A new contact of this account, sealed."""
        sealed = sealer().seal(value.value, f"contacts.value:{subject}")
        index = sealer().index(value.value, value.kind)
        return cls(subject=subject, kind=value.kind, value_sealed=sealed, value_index=index, verified_at=verified_at)

    def __repr__(self) -> str:
        return f"<Contact {self.kind}>"
