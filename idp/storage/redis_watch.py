"""Keeps one redis-server for as long as a process uses it; a script of its own, run by embedded_redis.py.

redis_watch.py USERS COMMAND…: USERS is the file on which every process that uses the server holds a shared lock. The
kernel gives those locks back however their holders end, so that nothing is left behind by a kill -9. Nothing is polled.
"""

import fcntl
import os
import subprocess
import sys
import threading


def main(users: str, command: list[str]) -> None:
    """Detaches from whoever called, runs the command, and ends it when the last user is gone."""
    if os.fork():
        return
    os.setsid()
    with open(users, "rb") as file, open(os.devnull, "r+b") as nowhere:
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
        with subprocess.Popen(command) as server:
            threading.Thread(target=_end_without_users, args=(file.fileno(), server), daemon=True).start()
            # The lock stays ours until this process ends, and so the server with it: who comes meanwhile waits for that.
            server.wait()


def _end_without_users(file: int, server: "subprocess.Popen[bytes]") -> None:
    fcntl.flock(file, fcntl.LOCK_EX)
    server.terminate()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
