"""WLKP Online, as a demo: run it with `make run`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from service import Service, serve  # noqa: E402

SERVICE = Service(
    client_id="wlkp",
    title="WLKP Online",
    promise="Wajib Lapor Ketenagakerjaan Perusahaan",
    port=5001,
    scope="openid profile email roles",
    colour="#1d4e89",
)

if __name__ == "__main__":
    serve(SERVICE)
