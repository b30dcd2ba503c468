"""Who is at the keyboard: the person above this process in the kernel's tree, whatever the environment claims."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
FIRST_PERSON, NOBODY = 1000, 65534  # UID_MIN of login.defs(5): below are system accounts; nobody is no person either
UNSET = 2**32 - 1  # what the kernel says where no login has set the login uid


class CallerUnknown(Exception):
    """A system account runs this, and nothing says for which person."""


@dataclass(frozen=True, slots=True)
class _Process:
    name: str
    parent: int
    uid: int  # the real one


def caller() -> int:
    """The user id of whoever logged in and started this, by way of sudo or su or not; raises CallerUnknown.

    The outermost person among the processes above is believed, since only a real login puts one there: `SUDO_UID` and
    `USER` are what anybody may set. Where their shell has gone, the login uid stands in, which PAM sets and the kernel keeps.
    """
    above = list(_above(os.getpid()))
    persons = [process.uid for process in above if _is_person(process.uid)]
    if persons:
        return persons[-1]
    logged_in = _login_uid()
    if logged_in is not None:
        return logged_in
    # Root itself needs no trick. A system account, or a sudo whose caller is gone, would be a second self: fails closed.
    if os.getuid() != 0 or any(process.name == "sudo" for process in above):
        raise CallerUnknown
    return 0


def _is_person(uid: int) -> bool:
    return uid >= FIRST_PERSON and uid not in (NOBODY, UNSET)


def _above(number: int) -> Iterator[_Process]:
    """This process and those above it, innermost first; it ends where the kernel shows no more."""
    seen = set()
    while number > 0 and number not in seen:
        seen.add(number)
        found = _read(number)
        if found is None:
            # Without /proc, as on a developer's machine, the process itself is all that is known.
            if len(seen) == 1:
                yield _Process("", 0, os.getuid())
            return
        yield found
        number = found.parent


def _read(number: int) -> _Process | None:
    try:
        lines = (PROC / str(number) / "status").read_text(errors="replace").splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        return _Process(said["Name"].strip(), int(said["PPid"]), int(said["Uid"].split()[0]))
    except (OSError, KeyError, ValueError, IndexError):
        return None


def _login_uid() -> int | None:
    try:
        uid = int((PROC / "self" / "loginuid").read_text())
    except (OSError, ValueError):
        return None
    return uid if _is_person(uid) else None
