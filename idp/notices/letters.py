"""E-mails to a person: in the reader's language where we know it, else Indonesian first, English below."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import render_template

from idp.core import languages
from idp.core.languages import _


@dataclass(frozen=True, slots=True)
class ComposedEmail:
    """A finished e-mail, both parts; never printed, since it may hold a code."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Passage:
    """What an e-mail says in one language: `button` is what the link at its end is called."""

    subject: str
    paragraphs: list[str] = field(repr=False)
    button: str = ""


def compose(write: Callable[[], Passage], reader: str | None = None, url: str = "") -> ComposedEmail:
    """The e-mail that `write` gives, called once in each language that it is told in, with at most one link at the end.

    `reader` is the tag of the reader's language; where we do not speak or know it, the e-mail is in all for_unknown.
    """
    told = []
    for language in languages.of_reader(reader):
        with languages.speaking(language):
            told.append((language, write()))
    subject = " / ".join(dict.fromkeys(passage.subject for _language, passage in told))
    text = "\n\n".join(
        (f"-- {language.name} --\n\n" if place else "") + "\n\n".join([*passage.paragraphs, *_way(passage, url)])
        for place, (language, passage) in enumerate(told)
    )
    html = render_template("mail/letter.html", subject=subject, told=told, url=url)
    return ComposedEmail(subject, f"{text}\n\nSIAPkerja\n", html)


def one_time_code_email(code: str, minutes: int, reader: str | None = None) -> ComposedEmail:
    """The e-mail that brings a one-time code; the subject leaves the code out, since lock screens show subjects."""

    def write() -> Passage:
        advice = _("Jangan pernah membagikan OTP kepada siapa pun, termasuk pihak yang mengaku dari Kemnaker.")
        how_long = _("Kode berlaku %(menit)s menit.", menit=minutes)
        ignore = _("Jika Anda tidak memintanya, abaikan email ini.")
        return Passage(_("Kode OTP SIAPkerja Anda"), [_("Kode OTP Anda: %(kode)s", kode=code), how_long, advice, ignore])

    return compose(write, reader)


def _way(passage: Passage, url: str) -> list[str]:
    return [f"{passage.button}: {url}"] if url else []
