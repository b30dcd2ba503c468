"""How pages name and show each value of a person that a client could get, in the words of the person's language."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask_babel import format_date

from idp.core import languages
from idp.core.languages import _, _l

GENDERS = {"male": _l("Laki-laki"), "female": _l("Perempuan")}
ROLES = {
    "jobseeker": _l("Pencari kerja"),
    "training_participant": _l("Peserta pelatihan"),
    "company": _l("Perusahaan"),
    "institution": _l("Lembaga"),
    "labour_office_province": _l("Dinas Tenaga Kerja Provinsi"),
    "labour_office_regency": _l("Dinas Tenaga Kerja Kabupaten/Kota"),
}


def _as_date(value: Any) -> str:
    return str(format_date(date.fromisoformat(str(value)), "long"))


def _as_roles(value: Any) -> str:
    return ", ".join(str(ROLES.get(role, role)) for role in value)


# Claims without a row are facts about another claim (`email_verified`) or about the record (`updated_at`).
CLAIM_LABELS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "name": (_l("Nama lengkap"), str),
    "nik": (_l("Nomor Induk Kependudukan (NIK)"), str),
    "email": (_l("Alamat Email"), str),
    "phone_number": (_l("Nomor Handphone"), str),
    "birthdate": (_l("Tanggal lahir"), _as_date),
    "gender": (_l("Jenis kelamin"), lambda value: str(GENDERS.get(value, value))),
    "roles": (_l("Peran di SIAPkerja"), _as_roles),
    "locale": (_l("Bahasa"), lambda value: languages.name_of(str(value))),
}


def labelled_claims(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each claim that will be shared, in a fixed order."""
    return [(str(label), text(values[name])) for name, (label, text) in CLAIM_LABELS.items() if name in values]


def labels(names: set[str]) -> list[str]:
    """What the claims of these names are called, in a fixed order."""
    return [str(label) for name, (label, _text) in CLAIM_LABELS.items() if name in names]


def delegation_labels(services: list[str]) -> list[tuple[str, str]]:
    """Label and name of each other service where the client will act for the person (RFC 8707)."""
    return [(_("Bertindak atas nama Anda di"), name) for name in services]
