"""Dukcapil's words, "verify by element": how facts are written for it and what its answers mean; pure functions."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from idp.gateways.verdicts import Facts, RegistryUnavailable, Verdict

NAME, MOTHER = "NAMA_LGKP", "NAMA_LGKP_IBU"
FIELDS = ("NIK", NAME, MOTHER)

FOUND = {"", "00", "01"}
UNAVAILABLE = {
    **dict.fromkeys(("03", "04", "09", "10", "16", "17"), "misconfigured"),
    "05": "quota",
    "06": "closed",
    "07": "incomplete",
}
NO_RECORD = {"08", "13", "15"}
ATTENTION = {"11", "12", "14"}

# The older service answers in words. What is not here stays unknown, and the unknown is never a match.
WORDS = (
    (re.compile(r"kuota.*habis"), "05"),
    (re.compile(r"data tidak ditemukan"), "13"),
    (re.compile(r"(data )?ditemukan"), "01"),
)

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02b9\u02bb\u02bc\u2032\uff07\u00b4`", "'"))
TITLES_BEFORE = frozenset(["H", "HJ", "KH", "DR", "DRA", "DRS", "IR", "PROF"])
TITLES_AFTER = frozenset([
    "SH", "SE", "ST", "SS", "SPD", "SPDI", "SAG", "SKOM", "SSOS", "SIP", "SKM", "SSI", "SIKOM", "SPSI",
    "SFARM", "SKEP", "SKED", "STR", "SHI", "SEI", "SPT", "SP", "SSN", "SSTP", "MM", "MH", "MT", "MA",
    "MSI", "MPD", "MPDI", "MAG", "MKOM", "MSC", "MBA", "MAP", "MKES", "MSE", "MAK", "MIKOM", "MPSI",
    "MHUM", "PHD", "AMD", "AMDKEP", "AMDKEB", "NERS", "AK", "APT",
])  # fmt: skip
SESUAI = re.compile(r"(tidak )?sesuai(?: ?\((\d{1,3})\))?")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to Dukcapil; `caller_ip` is our registered address."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    caller_ip: str


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer understood: `code` (empty when absent) and `wrong`, the fields that did not match."""

    code: str
    verdict: Verdict
    wrong: frozenset[str] = frozenset()


def normalised(name: str) -> str:
    """As Dukcapil keeps names: NFKC, upper case, single spaces, one kind of apostrophe."""
    return " ".join(unicodedata.normalize("NFKC", name.translate(APOSTROPHES)).upper().split())


def without_titles(name: str) -> str:
    """A normalised name without academic and religious titles, commas gone; at least one word is left."""
    words = name.replace(",", " ").split()
    while len(words) > 1 and words[0].replace(".", "") in TITLES_BEFORE:
        words.pop(0)
    while (ending := _title_at_end(words)) and len(words) > ending:
        del words[-ending:]
    return " ".join(words)


def names_of(facts: Facts) -> dict[str, str]:
    """The two names as they are asked about first."""
    return {NAME: normalised(facts.name.text), MOTHER: normalised(facts.mothers_name.text)}


def second_names(names: dict[str, str], wrong: frozenset[str]) -> dict[str, str] | None:
    """The names without titles, if that changes one that did not match; else None, since a second call costs quota."""
    bare = {field: without_titles(name) for field, name in names.items()}
    return bare if any(bare[field] != names[field] for field in wrong & names.keys()) else None


def request_body(us: Credentials, facts: Facts, names: dict[str, str], threshold: int) -> dict[str, str]:
    """What is posted; TRESHOLD is spelled so."""
    login = {"USER_ID": us.user, "PASSWORD": us.password, "IP_USER": us.caller_ip}
    return {**login, "TRESHOLD": str(threshold), "NIK": facts.nik.value, **names}


def quota_left(said: Any) -> int | None:
    """How many calls are left today, where the answer tells."""
    left = said.get("quotaLimiter") if isinstance(said, dict) else None
    try:
        return int(left) if left is not None else None
    except (TypeError, ValueError):
        return None


def code_of(said: Any) -> str:
    """The code for the log: two digits, empty when absent, `?` when there is something that nobody foresaw."""
    row = _row(said)
    return "?" if row is None else _code(row)


def read(said: Any, threshold: int) -> Reading:
    """What an answer means at a `threshold` of 1 to 100; raises RegistryUnavailable for all that is no answer."""
    row = _row(said)
    if row is None:
        raise RegistryUnavailable("unknown")
    if not row:
        return Reading("", Verdict.NOT_FOUND)
    code = _code(row)
    if code in UNAVAILABLE:
        raise RegistryUnavailable(UNAVAILABLE[code])
    if code in NO_RECORD:
        return Reading(code, Verdict.NOT_FOUND)
    if code in ATTENTION:
        return Reading(code, Verdict.NEEDS_ATTENTION)
    if code not in FOUND:
        raise RegistryUnavailable("unknown")
    wrong = frozenset(name for name in FIELDS if not _agrees(row.get(name), threshold))
    return Reading(code, Verdict.MISMATCH if wrong else Verdict.MATCH, wrong)


def _row(said: Any) -> dict[str, Any] | None:
    """content[0] with its names in capitals; empty when nothing was found; None when this is no answer of Dukcapil's."""
    content = said.get("content") if isinstance(said, dict) else None
    if not isinstance(content, list):
        return None
    if not content:
        return {}
    first = content[0]
    return {str(name).upper(): value for name, value in first.items()} if isinstance(first, dict) and first else None


def _code(row: dict[str, Any]) -> str:
    said = row.get("RESPONSE_CODE")
    if said is None or said == "":
        said = row.get("RESPON")
    if said is None or said == "":
        return ""
    text = " ".join(str(said).casefold().split())
    if text.isdecimal():
        return text.zfill(2)
    return next((code for words, code in WORDS if words.search(text)), "?")


def _agrees(value: Any, threshold: int) -> bool:
    """Whether one field matches; the score is judged here again, whatever threshold the other side used."""
    said = SESUAI.fullmatch(" ".join(value.casefold().split())) if isinstance(value, str) else None
    if said is None:
        raise RegistryUnavailable("unknown")  # missing or new words: never a match
    return said[1] is None and (said[2] is None or int(said[2]) >= threshold)


def _title_at_end(words: list[str]) -> int:
    """How many words the last title takes: two for `S. H.`, none when there is no title."""
    for count in (1, 2):
        if "".join(words[-count:]).replace(".", "") in TITLES_AFTER:
            return count
    return 0
