"""Ends a server of the tests when whoever started it is gone, be it by kill -9: a script, run by tests/stores.py.

leash.py USER COMMAND…: runs the command, as that user unless the name is empty, until its own standard input is closed.
Nobody writes there; the kernel closes the other end however its holder ends.
"""

import signal
import subprocess
import sys

SECONDS_TO_END = 10


def main(user: str, command: list[str]) -> None:
    """Returns when the server has ended."""
    as_user = {"user": user, "group": "nogroup", "extra_groups": []} if user else {}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, **as_user) as server:
        sys.stdin.buffer.read()
        # PostgreSQL waits for its clients at SIGTERM, and not at SIGINT; Redis takes both alike.
        server.send_signal(signal.SIGINT)
        try:
            server.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            server.kill()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
