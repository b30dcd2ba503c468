"""E-mails to a person: in the reader's language where we know it, else Indonesian first, English below.

Both parts of an e-mail say the same, word for word. Nothing in it is loaded from anywhere: a picture would tell who reads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import render_template

from idp.core import languages
from idp.core.languages import Language, _
from idp.core.settings import settings
from idp.web.help_desk import help_desk


@dataclass(frozen=True, slots=True)
class ComposedEmail:
    """A finished e-mail, both parts; never printed, since it may hold a code."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Passage:
    """What an e-mail says in one language.

    `code` stands large below the first paragraph; `button` is what the link at the end is called; `why` says why the reader
    gets this.
    """

    subject: str
    paragraphs: list[str] = field(repr=False)
    button: str = ""
    code: str = field(default="", repr=False)
    why: str = ""


def compose(write: Callable[[], Passage], reader: str | None = None, url: str = "", name: str = "") -> ComposedEmail:
    """The e-mail that `write` gives, called once in each language that it is told in, with at most one link at the end.

    `reader` is the tag of the reader's language; where we do not speak or know it, the e-mail is in all for_unknown.
    `name` is the person's, for the greeting; empty where we must not tell, or do not know, whose address it is.
    """
    told: list[tuple[Language, Passage]] = []
    for language in languages.of_reader(reader):
        with languages.speaking(language):
            told.append((language, write()))
    subject = " / ".join(dict.fromkeys(passage.subject for _language, passage in told))
    # Filled in once more in each language: what stands around a passage is part of the template.
    known = {
        "subject": subject, "told": told, "url": url, "name": name, "speaking": languages.speaking, "desk": help_desk(),
        "issuer": settings().issuer, "host": urlsplit(settings().issuer).netloc,
    }  # fmt: skip
    return ComposedEmail(subject, _rendered("txt", told, known), _rendered("html", told, known))


def _rendered(kind: str, told: list[tuple[Language, Passage]], known: dict[str, Any]) -> str:
    parts = []
    for language, passage in told:
        with languages.speaking(language):
            parts.append(render_template(f"mail/passage.{kind}", language=language, passage=passage, **known))
    with languages.speaking(told[0][0]):
        # A mail's last line ends like every other (RFC 5322 section 2.1).
        return render_template(f"mail/letter.{kind}", parts=parts, **known).rstrip() + "\n"


def one_time_code_email(code: str, what_for: Any, minutes: int, reader: str | None = None, name: str = "") -> ComposedEmail:
    """The e-mail that brings a one-time code for `what_for`, a lazy phrase, in `minutes`; the subject leaves the code out,
    since lock screens show subjects."""

    def write() -> Passage:
        told = [
            _("Kode OTP Anda untuk %(apa)s:", apa=what_for),
            _("Kode berlaku %(menit)s menit.", menit=minutes),
            _("Jangan pernah membagikan OTP kepada siapa pun, termasuk pihak yang mengaku dari Kemnaker."),
        ]
        why = _("Anda menerima email ini karena kode untuk alamat email ini diminta di SIAPkerja. Bukan Anda? Abaikan email ini.")
        return Passage(_("Kode OTP SIAPkerja Anda"), told, code=code, why=why)

    return compose(write, reader, name=name)
