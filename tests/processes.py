"""What runs on this machine, for tests that must leave nothing behind."""

from pathlib import Path


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
