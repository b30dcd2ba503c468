"""The step that asks for a one-time code, as the rooms share it: what is kept of a code that was sent, and its judgement."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Self

from idp.core import clock
from idp.core.languages import _, _l
from idp.one_time_codes import otp
from idp.one_time_codes.otp import Challenge, Recipient
from idp.web.fields import CodeField
from idp.web.forms import Form


class CodeForm(Form):
    """The code from the SMS or e-mail."""

    code = CodeField(_l("Kode OTP"))


@dataclass(frozen=True, slots=True)
class SentCode:
    """What a draft keeps of a code on its way; the code itself is kept nowhere. Times are epoch seconds.

    `again` is that it is not the first one, so that the page says that another is on its way.
    """

    challenge: str
    sent_at: int
    resend_at: int
    delivery: str
    again: bool = False

    @classmethod
    def of(cls, challenge: Challenge, *, again: bool) -> Self:
        """What a draft keeps of the challenge that `otp` answered."""
        times = int(challenge.sent_at.timestamp()), int(challenge.resend_at.timestamp())
        return cls(challenge.id, *times, challenge.delivery, again)

    def to_dict(self) -> dict[str, Any]:
        """The same for the notes of a room."""
        return asdict(self)

    @property
    def wait(self) -> int:
        """Seconds until another code may be asked for."""
        return max(0, self.resend_at - clock.timestamp())

    def shown(self) -> dict[str, Any]:
        """What the page says about it."""
        return {"sent_at": clock.from_timestamp(self.sent_at), "wait": self.wait, "delivery": self.delivery, "again": self.again}


def verify_code(form: CodeForm, sent: SentCode, purpose: str, recipient: Recipient) -> bool:
    """Whether the typed code is right, which uses it up; else the field says what is wrong. Raises TooManyAttempts.

    What cannot be a code is a slip of the finger, and costs no try.
    """
    if len(re.sub(r"[\s.\-]", "", form.code.data or "")) != otp.CODE_LENGTH:
        form.code.errors = [_("Kode OTP terdiri dari %(n)s angka. Periksa kembali jumlahnya.", n=otp.CODE_LENGTH)]
        return False
    try:
        otp.verify(sent.challenge, purpose, form.code.data or "", recipient)
    except otp.WrongCode as wrong:
        left = _("Kode OTP salah. Sisa percobaan: %(n)s.", n=wrong.remaining)
        over = _("Kode OTP salah, dan kode ini tidak berlaku lagi. Minta kode baru dengan Kirim Ulang.")
        form.code.errors = [left if wrong.remaining else over]
    except otp.CodeExpired:
        form.code.errors = [_("Kode OTP sudah tidak berlaku. Minta kode baru.")]
    return not form.code.errors
