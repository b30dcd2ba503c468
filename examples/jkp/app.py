"""Jaminan Kehilangan Pekerjaan, as a demo: run it with `make run`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from service import Service, serve  # noqa: E402

SERVICE = Service(
    client_id="jkp",
    title="Jaminan Kehilangan Pekerjaan",
    promise="Klaim manfaat bagi yang kehilangan pekerjaan",
    port=5002,
    scope="openid profile email phone nik",
    colour="#9a3412",
)

if __name__ == "__main__":
    serve(SERVICE)
