"""Runs the suite again and again in random order, and tells each seed and each failure: what fails by chance fails here.

    soak.py [TIMES] [browser|races|clock] [-- options of pytest]

Without a kind: the whole suite TIMES times (default 3). With one: those tests only, TIMES times (default 20). Every run ends
after RUN_MINUTES at the latest, and all of them after SOAK_HOURS.
"""

import secrets
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("browser", "races", "clock")
RUN_MINUTES = 40
SOAK_HOURS = 8


def main() -> int:
    """Soaks; the number of runs that failed is the exit status, at most 100."""
    ours, _, theirs = " ".join(sys.argv[1:]).partition("--")
    kind = next((word for word in ours.split() if word in KINDS), "")
    times = next((int(word) for word in ours.split() if word.isdecimal()), 20 if kind else 3)
    end, failed = time.monotonic() + SOAK_HOURS * 3600, []
    for number in range(1, times + 1):
        order = f"--order-seed={secrets.token_hex(4)}" + (f" --only={kind}" if kind else "")
        outcome = run([*order.split(), *theirs.split()])
        print(f"{number}/{times} {order}: {outcome}", flush=True)
        if not outcome.startswith("passed"):
            failed.append(order)
        if time.monotonic() > end:
            print(f"stopped after {SOAK_HOURS} hours")
            break
    for order in failed:
        print(f"To repeat it: make test PYTEST='{order}'")
    return min(len(failed), 100)


def run(options: list[str]) -> str:
    """One run of the suite: how it went."""
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-q", "-p", "no:cacheprovider", *options]
    begun = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_MINUTES * 60, check=False)
    except subprocess.TimeoutExpired as late:
        said = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return f"not over after {RUN_MINUTES} minutes\n{said[-2000:]}"
    if done.returncode == 0:
        return f"passed in {time.monotonic() - begun:.0f} s"
    return f"failed\n{done.stdout[-20000:]}{done.stderr[-2000:]}"


if __name__ == "__main__":
    sys.exit(main())
