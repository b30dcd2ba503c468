"""What runs on this machine, for tests that must leave nothing behind."""

import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 60


def running(*, group: int | None = None, naming: Path | None = None) -> list[str]:
    """Processes of a group, or whose command line names a path; those that have ended and wait to be reaped do not count."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:  # ended while we looked
            continue
        if state != "Z" and (its_group == str(group) or (naming is not None and str(naming) in command)):
            found.append(f"{process.name} {command}")
    return found


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Whether the condition holds within a minute, which is long for a machine that has much to do."""
    for _ in range(SECONDS * 50):
        if condition():
            return True
        time.sleep(0.02)
    return False
