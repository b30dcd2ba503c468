"""Pelatihan Kerja, as a demo: run it with `make run`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from family import PELATIHAN  # noqa: E402
from service import serve  # noqa: E402

if __name__ == "__main__":
    serve(PELATIHAN)
