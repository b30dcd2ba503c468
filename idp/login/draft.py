"""What the second factor has gathered so far: a code on its way, and an app that is being set up."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from idp.one_time_codes.code_step import SentCode

ROOM = "login"


@dataclass(frozen=True, slots=True)
class Draft:
    """`account` is whose all of this is; `app` that an app is to be set up once the number is proved (`proved`).

    `key` is the app's, until its first code proves that it arrived; `codes` are the new recovery codes, until seen.
    """

    account: str = ""
    code: dict[str, Any] | None = None
    app: bool = False
    proved: bool = False
    key: str = ""
    codes: tuple[str, ...] = ()

    @classmethod
    def load(cls, notes: dict[str, Any], account: str) -> Self:
        """From the interaction's notes; another account's are forgotten."""
        if notes.get("account") != account:
            return cls(account=account)
        known = {k: v for k, v in notes.items() if k in cls.__dataclass_fields__}
        return cls(**known | {"codes": tuple(known.get("codes", ()))})

    def notes(self) -> dict[str, Any]:
        """For the interaction, which seals them."""
        return asdict(self)

    @property
    def sent(self) -> SentCode | None:
        """The code that was sent last."""
        return SentCode(**self.code) if self.code else None

    @property
    def step(self) -> str:
        """Where the person is, as the name of the page."""
        if self.codes:
            return "codes"
        if self.proved:
            return "app"
        return "sms" if self.code else "otp"
