"""What an account can prove itself with besides its password, and the browsers that it has to prove it in only now and then."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.core import clock, crypto
from idp.storage.database import Model

TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"
ACTIVE, SUSPENDED = "active", "suspended"


class Authenticator(Model):
    """One authenticator app, passkey or recovery code of an account. Times are epoch seconds.

    `secret` is what it is verified with: the app's key, sealed; a passkey's public key; nothing for a recovery code.
    `lookup` finds a passkey (digest of its credential id) or a recovery code (blind index) again. `counter` only
    grows: the app's last used time step, a passkey's sign count.
    """

    __tablename__ = "authenticators"
    __table_args__ = (
        # One app in use: of two that are set up at once, the database lets one through.
        Index(
            "uq_authenticators_app", "subject", unique=True,
            sqlite_where=text("kind = 'totp' AND state = 'active'"), postgresql_where=text("kind = 'totp' AND state = 'active'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(ForeignKey("accounts.subject", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    suspended_by: Mapped[str | None] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(80))
    secret: Mapped[str] = mapped_column(Text)
    lookup: Mapped[str | None] = mapped_column(String(80), unique=True)
    counter: Mapped[int] = mapped_column(BigInteger)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(BigInteger)
    last_used_at: Mapped[int | None] = mapped_column(BigInteger)

    @classmethod
    def of(cls, subject: str, kind: str, **known: Any) -> "Authenticator":
        """A new active authenticator of this account."""
        plain: dict[str, Any] = {"id": crypto.random_token(16), "label": "", "secret": "", "counter": 0, "details": {}}
        return cls(subject=subject, kind=kind, state=ACTIVE, created_at=clock.timestamp(), **plain | known)

    def __repr__(self) -> str:
        return f"<Authenticator {self.kind}>"


class RememberedDevice(Model):
    """A browser in which this account's second factor was given lately; `digest` is of the cookie, which grants ease."""

    __tablename__ = "remembered_devices"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(ForeignKey("accounts.subject", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0")
    suspended_by: Mapped[str | None] = mapped_column(String(64))

    def __repr__(self) -> str:
        return "<RememberedDevice>"


class PasskeyOffer(Model):
    """That a passkey was promoted to this account: it is done once."""

    __tablename__ = "passkey_offers"

    subject: Mapped[str] = mapped_column(ForeignKey("accounts.subject", ondelete="CASCADE"), primary_key=True)
    offered_at: Mapped[int] = mapped_column(BigInteger)

    def __repr__(self) -> str:
        return "<PasskeyOffer>"
