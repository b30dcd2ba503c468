"""Pelatihan Kerja, as a demo: run it with `make run`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from service import Service, serve  # noqa: E402

SERVICE = Service(
    client_id="pelatihan",
    title="Pelatihan Kerja",
    promise="Pelatihan dan sertifikasi kompetensi",
    port=5003,
    scope="openid profile email",
    colour="#166534",
)

if __name__ == "__main__":
    serve(SERVICE)
