"""The stand-in for Dukcapil: a small WSGI application that speaks its contract and knows only province 99."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from werkzeug.serving import BaseWSGIServer, make_server

from idp.core.settings import ConfigError
from idp.core.values import FullName, InvalidValue, Nik

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PROVINCE = "99"
CITIZENS = Path(__file__).with_name("demo_citizens.yaml")
CALL = "/CALL_VERIFY_BY_ELEMEN"
SLOW_SECONDS = 30
QUOTA = 1_000_000
LONGEST_REQUEST = 16 * 1024

REQUIRED = ("USER_ID", "PASSWORD", "IP_USER", "TRESHOLD", "NIK", "NAMA_LGKP", "NAMA_LGKP_IBU")

# A word of the name that makes the registry answer so, whoever asks.
MAGIC_CODES = {
    "KUOTA": "05",
    "JAM": "06",
    "IP": "04",
    "WAFAT": "11",
    "GANDA": "12",
    "NONAKTIF": "14",
    "TIADA": "13",
}
MAGIC_MOTHERS = {"BEDA": "Tidak Sesuai (40)", "HAMPIR": "Sesuai (91)"}

WORDS = {
    "03": "User Tidak Terdaftar",
    "04": "IP User Tidak Terdaftar",
    "05": "Kuota Akses Hari ini telah Habis",
    "06": "Di Luar Jam Akses",
    "07": "Parameter Tidak Lengkap",
    "11": "Data Penduduk Meninggal Dunia",
    "12": "Data Penduduk Ganda",
    "13": "Data Tidak Ditemukan",
    "14": "Data Penduduk Tidak Aktif",
}


@dataclass(frozen=True, slots=True)
class Citizen:
    """A fictional person whom the stand-in registry knows."""

    nik: str
    name: str
    mothers_name: str


class Registry:
    """The WSGI application. `slow` is what LAMBAT does, by default half a minute of silence; `quota` the day's calls."""

    def __init__(
        self,
        known: Sequence[Citizen],
        user: str,
        password: str,
        *,
        quota: int = QUOTA,
        slow: Callable[[], None] | None = None,
    ) -> None:
        self._known = {citizen.nik: citizen for citizen in known}
        self._login = user, password
        self._quota = quota
        self._slow = slow or _silence
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """POST …/CALL_VERIFY_BY_ELEMEN; everything else is 404."""
        if environ["REQUEST_METHOD"] != "POST" or not environ.get("PATH_INFO", "").endswith(CALL):
            return _send(start_response, "404 Not Found", b"{}")
        length = min(int(environ.get("CONTENT_LENGTH") or 0), LONGEST_REQUEST)
        asked = _asked(environ["wsgi.input"].read(length))
        row = self._code(asked) or self._compare(asked)
        words = _words(asked)
        if "LAMBAT" in words:
            self._slow()
        if "GAGAL" in words:
            return _send(start_response, "500 Internal Server Error", b"gagal")
        body = orjson.dumps(self._envelope(row))
        return _send(start_response, "200 OK", body[: len(body) // 2] if "RUSAK" in words else body)

    def _code(self, asked: dict[str, str]) -> dict[str, str] | None:
        if any(not asked.get(name) for name in REQUIRED):
            return _row("07")
        if (asked["USER_ID"], asked["PASSWORD"]) != self._login:
            return _row("03")
        magic = [MAGIC_CODES[word] for word in sorted(_words(asked)) if word in MAGIC_CODES]
        if magic:
            return _row(magic[0])
        return None if asked["NIK"] in self._known else _row("13")

    def _compare(self, asked: dict[str, str]) -> dict[str, str]:
        citizen = self._known[asked["NIK"]]
        threshold = int(asked["TRESHOLD"]) if asked["TRESHOLD"].isdecimal() else 100
        mother = [MAGIC_MOTHERS[word] for word in asked["NAMA_LGKP_IBU"].split() if word in MAGIC_MOTHERS]
        return {
            "NIK": "Sesuai",
            "NAMA_LGKP": _likeness(asked["NAMA_LGKP"], citizen.name, threshold),
            "NAMA_LGKP_IBU": mother[0] if mother else _likeness(asked["NAMA_LGKP_IBU"], citizen.mothers_name, threshold),
        }

    def _envelope(self, row: dict[str, str]) -> dict[str, Any]:
        with self._lock:
            self._quota = max(0, self._quota - 1)
            left = self._quota
        pages = {"lastPage": True, "numberOfElements": 1, "sort": None, "totalElements": 1, "firstPage": True}
        return {"content": [row], **pages, "number": 0, "size": 1, "quotaLimiter": left}


def citizens(path: Path) -> list[Citizen]:
    """The people in a YAML list of `nik`, `name` and `mothers_name`; raises ConfigError, also for a NIK outside province 99."""
    try:
        return list(_citizens(path.read_text()))
    except OSError:
        raise ConfigError(f"{path} with the citizens of the demo registry cannot be read.") from None
    except (YAMLError, UnicodeDecodeError, InvalidValue, KeyError, TypeError):
        raise ConfigError(f'{path} must be a list of nik: "99…", name: … and mothers_name: ….') from None


@lru_cache(maxsize=1)
def _citizens(listed: str) -> tuple[Citizen, ...]:
    # Remembered, because reading YAML is slow, and each worker, and each test, connects to this registry anew.
    return tuple(_citizen(row) for row in YAML(typ="safe").load(listed))


def server(host: str, port: int, registry: Registry) -> BaseWSGIServer:
    """A threaded HTTP server for the registry, bound but not yet serving (`serve_forever`); port 0 takes any free one."""
    return make_server(host, port, registry, threaded=True)


def _citizen(row: dict[str, Any]) -> Citizen:
    nik = Nik.parse(row["nik"]).value
    if not nik.startswith(PROVINCE):
        raise InvalidValue("nik_not_fictional")
    return Citizen(nik, _capitals(row["name"]), _capitals(row["mothers_name"]))


def _capitals(name: str) -> str:
    return FullName.parse(name).text.upper()


def _asked(body: bytes) -> dict[str, str]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return {name: value for name, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}


def _words(asked: dict[str, str]) -> set[str]:
    """The words of the name, where magic may happen: never for a NIK outside province 99."""
    return set(asked.get("NAMA_LGKP", "").split()) if asked.get("NIK", "").startswith(PROVINCE) else set()


def _row(code: str) -> dict[str, str]:
    return {"RESPONSE_CODE": code, "RESPONSE": WORDS[code], "RESPONSE_DESC": WORDS[code]}


def _likeness(asked: str, known: str, threshold: int) -> str:
    score = round(SequenceMatcher(None, asked, known, autojunk=False).ratio() * 100)
    return f"Sesuai ({score})" if score >= threshold else f"Tidak Sesuai ({score})"


def _silence() -> None:
    threading.Event().wait(SLOW_SECONDS)


def _send(start_response: "StartResponse", status: str, body: bytes) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
