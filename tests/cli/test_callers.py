"""Who an officer is, told by real processes of several users: the tests must run as root, as they do in a container."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from idp.cli import callers
from idp.cli.casework import officer

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can start processes of other users")
RIANI, DODI, SERVICE = 41001, 41002, 998
TELL = "try:\n    told = callers.caller()\nexcept callers.CallerUnknown:\n    told = 'unknown'\nprint(json.dumps(told))"


def tree(*shells: int, runs_as: int = 0, name: str = "", orphan: bool = False, **variables: str) -> int | str:
    """What a process says that runs as `runs_as` under a shell of each of these users, outermost first.

    Each shell starts the next while it is root and becomes its user afterwards: from then on the kernel shows the very tree
    that sudo leaves. The innermost waits for a line, so that all above have settled by then.
    """
    ready, go = os.pipe()
    program = f"import json, os\nfrom idp.cli import callers\nos.read({ready}, 1)\nos.setresuid({runs_as}, {runs_as}, {runs_as})\n{TELL}"
    if name:
        named = f"import ctypes\nctypes.CDLL(None).prctl(15, {name.encode()!r})\n"
        program = (
            named
            + f"import subprocess, sys\nsys.exit(subprocess.run([sys.executable, '-c', {program!r}], close_fds=False).returncode)"
        )
    for uid in reversed(shells):
        ends = "os._exit(0)" if orphan else "inner.wait()"
        program = (
            f"import os, subprocess, sys\ninner = subprocess.Popen([sys.executable, '-c', {program!r}], close_fds=False)\n"
            f"os.setresuid({uid}, {uid}, {uid})\n{ends}"
        )
    os.set_inheritable(ready, True)
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, close_fds=False, env=os.environ | variables
    )
    _settle(running, (shells[-1:] or (0,))[0])
    os.write(go, b"x")
    told, _ = running.communicate(timeout=60)
    os.close(ready)
    os.close(go)
    said: int | str = json.loads(told)
    return said


def _settle(running: "subprocess.Popen[bytes]", innermost: int) -> None:
    """Until the process tree has the users that it is to have: each changes its own id, in its own time."""
    for _ in range(3000):
        below = subprocess.run(["ps", "-eo", "pid=,ppid=,ruid="], capture_output=True, text=True, check=True).stdout
        rows = [tuple(map(int, line.split())) for line in below.splitlines()]
        family = {running.pid}
        for _again in range(6):
            family |= {pid for pid, parent, _ in rows if parent in family}
        if innermost == 0 or running.poll() is not None or any(pid in family and uid == innermost for pid, _, uid in rows):
            return
        running_for_a_moment()
    raise AssertionError("the processes did not start")


def running_for_a_moment() -> None:
    """Lets the others run."""
    os.sched_yield()


def test_a_variable_makes_nobody_an_officer() -> None:
    """S17: `SUDO_UID=1`, then `SUDO_UID=2` were two officers; a variable is what its user says of themselves."""
    assert tree(runs_as=RIANI, SUDO_UID=str(DODI), SUDO_USER="root", USER="dodi") == RIANI
    assert tree(SUDO_UID=str(DODI)) == tree(SUDO_UID=str(RIANI)) == 0


@pytest.mark.parametrize("runs_as", [0, SERVICE, DODI])
@pytest.mark.parametrize("name", ["", "sudo"])
def test_whoever_used_sudo_is_the_officer(runs_as: int, name: str) -> None:
    """S17: sudo truly stands between two users: also where it gave way to the command, and whatever was set meanwhile."""
    assert tree(RIANI, runs_as=runs_as, name=name, SUDO_UID=str(DODI)) == RIANI


def test_by_way_of_a_colleague_one_is_still_oneself() -> None:
    """S17: `sudo -u dodi sudo idp` is what Riani does."""
    assert tree(RIANI, DODI) == RIANI


@pytest.mark.parametrize("runs_as", [SERVICE, 65534])
def test_a_system_account_is_nobody(runs_as: int) -> None:
    """S17: without a person above it would be a second self of whoever can use it."""
    assert tree(runs_as=runs_as) == "unknown"


def test_a_sudo_whose_caller_has_gone_is_nobody() -> None:
    """S17: `setsid sudo idp` would turn an officer into root."""
    assert tree(name="sudo") == "unknown"


def test_the_login_uid_stands_in_for_a_shell_that_has_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """S17: PAM has set it at the login, and the kernel keeps it for all that comes of that login."""
    proc = tmp_path_factory.mktemp("proc")
    for number, parent in ((os.getpid(), 1), (1, 0)):
        (proc / str(number)).mkdir(exist_ok=True)
        (proc / str(number) / "status").write_text(f"Name:\tsudo\nPPid:\t{parent}\nUid:\t0\t0\t0\t0\n")
    (proc / "self").mkdir()
    monkeypatch.setattr(callers, "PROC", proc)
    told: Callable[[], str] = officer
    for uid, name in ((RIANI, f"uid {RIANI}"), (DODI, f"uid {DODI}")):
        (proc / "self" / "loginuid").write_text(str(uid))
        assert told() == name
