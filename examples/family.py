"""The three demo services of one family: what each is called, what it is for, where it listens, what it asks for."""

import os
from dataclasses import dataclass, field

HOST = "http://127.0.0.1"


@dataclass(frozen=True)
class Service:
    """One service: its client id, its port and scope, the algorithm that it registered, and its words by language."""

    client_id: str
    port: int
    scope: str
    alg: str  # `id_token_signed_response_alg` of its entry in clients.yaml
    short: dict[str, str]
    title: dict[str, str]
    does: dict[str, str]
    promise: dict[str, str]
    offers: dict[str, tuple[tuple[str, str], ...]] = field(repr=False)

    @property
    def address(self) -> str:
        """Its origin; the port is moved by WLKP_PORT, JKP_PORT or PELATIHAN_PORT (its callback must be registered)."""
        return f"{HOST}:{os.environ.get(f'{self.client_id.upper()}_PORT', self.port)}"


WLKP = Service(
    client_id="wlkp",
    port=5001,
    scope="openid profile email roles",
    alg="ES256",
    short={"id": "WLKP", "en": "WLKP"},
    title={"id": "WLKP Online", "en": "WLKP Online"},
    does={"id": "Lapor ketenagakerjaan perusahaan", "en": "Report your company's workforce"},
    promise={
        "id": "Wajib Lapor Ketenagakerjaan Perusahaan: satu tempat untuk melaporkan keadaan ketenagakerjaan perusahaan Anda.",
        "en": "Mandatory labour reporting: one place to report on the workforce of your company.",
    },
    offers={
        "id": (
            ("Laporan tahunan", "Jumlah pekerja, upah, dan jaminan sosial."),
            ("Data perusahaan", "Alamat, pengurus, dan cabang."),
            ("Bukti lapor", "Tanda terima untuk diunduh."),
        ),
        "en": (
            ("Annual report", "Workers, wages and social security."),
            ("Company details", "Addresses, directors and branches."),
            ("Proof of report", "A receipt to download."),
        ),
    },
)

JKP = Service(
    client_id="jkp",
    port=5002,
    scope="openid profile email phone nik",
    alg="RS256",
    short={"id": "JKP", "en": "JKP"},
    title={"id": "Jaminan Kehilangan Pekerjaan", "en": "Job Loss Insurance (JKP)"},
    does={"id": "Klaim manfaat saat kehilangan pekerjaan", "en": "Claim benefits after losing a job"},
    promise={
        "id": "Uang tunai, informasi lowongan, dan pelatihan bagi pekerja yang kehilangan pekerjaan.",
        "en": "Cash, vacancies and training for workers who have lost their job.",
    },
    offers={
        "id": (
            ("Uang tunai", "Bantuan sementara selama mencari pekerjaan."),
            ("Informasi pasar kerja", "Lowongan dan bimbingan jabatan."),
            ("Pelatihan kerja", "Bekal untuk pekerjaan berikutnya."),
        ),
        "en": (
            ("Cash benefit", "Support for a while, until you find work."),
            ("Job market information", "Vacancies and career guidance."),
            ("Job training", "Skills for the next job."),
        ),
    },
)

PELATIHAN = Service(
    client_id="pelatihan",
    port=5003,
    scope="openid profile email roles",
    alg="ES256",
    short={"id": "Pelatihan", "en": "Training"},
    title={"id": "Pelatihan Kerja", "en": "Job Training"},
    does={"id": "Ikut pelatihan dan sertifikasi", "en": "Join training and get certified"},
    promise={
        "id": "Pelatihan dan sertifikasi kompetensi di balai latihan kerja seluruh Indonesia.",
        "en": "Training and certificates of competence at training centres all over Indonesia.",
    },
    offers={
        "id": (
            ("Daftar pelatihan", "Las, perhotelan, pemrograman, dan lainnya."),
            ("Sertifikasi kompetensi", "Bukti keahlian yang diakui."),
            ("Riwayat pelatihan", "Semua sertifikat di satu tempat."),
        ),
        "en": (
            ("Courses", "Welding, hospitality, programming and more."),
            ("Certification", "Recognised proof of what you can do."),
            ("Your training", "All certificates in one place."),
        ),
    },
)

FAMILY = (WLKP, JKP, PELATIHAN)
