"""E-mails to a person: in the reader's language where we know it, else Indonesian first, English below."""

from dataclasses import dataclass, field

from flask import render_template

ADVICE_ID = "Jangan pernah membagikan OTP kepada siapa pun, termasuk pihak yang mengaku dari Kemnaker."
ADVICE_EN = "Never share the code with anyone, including people who claim to be from the ministry."


@dataclass(frozen=True, slots=True)
class Link:
    """Where a button leads, and its words in both languages; the URL may carry a token, so it is not in the repr."""

    url: str = field(repr=False)
    indonesian: str
    english: str


@dataclass(frozen=True, slots=True)
class ComposedEmail:
    """A finished e-mail, both parts; never printed, since it may hold a code."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Part:
    language: str
    paragraphs: list[str] = field(repr=False)
    button: str

    def way(self, url: str) -> list[str]:
        return [f"{self.button}: {url}"] if url else []


def compose(
    subject: str, indonesian: list[str], english: list[str], link: Link | None = None, locale: str | None = None
) -> ComposedEmail:
    """A letter of paragraphs with at most one link at the end; in both languages unless `locale` says which one."""
    parts = [_Part("id", indonesian, link.indonesian if link else ""), _Part("en", english, link.english if link else "")]
    told = [part for part in parts if locale in (None, part.language)] or parts
    url = link.url if link else ""
    text = "\n\n-- English --\n\n".join("\n\n".join([*part.paragraphs, *part.way(url)]) for part in told)
    html = render_template("mail/letter.html", subject=subject, parts=told, url=url)
    return ComposedEmail(subject, f"{text}\n\nSIAPkerja\n", html)


def one_time_code_email(code: str) -> ComposedEmail:
    """The letter that brings a one-time code; the subject leaves the code out, since lock screens show subjects."""
    return compose(
        "Kode OTP SIAPkerja Anda / Your SIAPkerja code",
        [f"Kode OTP Anda: {code}", "Kode berlaku 10 menit.", ADVICE_ID, "Jika Anda tidak memintanya, abaikan email ini."],
        [f"Your one-time code: {code}", "It is valid for 10 minutes.", ADVICE_EN, "Not you? Please ignore this e-mail."],
    )
