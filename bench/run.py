"""Times W1 to W6 against a running provider: CPU milliseconds per unit of the server and its store, and units a second.

    python bench/run.py bench/target.json                 starts our provider as the target file says, measures, stops it
    python bench/run.py TARGET.json -w W3 -d 10           one workload, ten seconds

Traffic goes to 127.0.0.1 only. Quote ratios from one run: absolute times belong to one machine.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from browser import Browser, Failed
from workloads import WORKLOADS, Person

TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Reads the arguments, starts the target, prints one line per workload."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("target", type=Path)
    options.add_argument("-w", default=",".join(WORKLOADS), help="workloads, separated by commas")
    options.add_argument("-c", type=int, default=8, help="connections")
    options.add_argument("-d", type=float, default=5, help="seconds for each workload")
    asked = options.parse_args()
    target = json.loads(asked.target.read_text())
    running = start(target, asked.target.resolve().parent)
    try:
        endpoints = discover(target)
        print(f"{'':4} {'CPU ms/unit':>11} {'units/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'requests/unit':>13} {'errors':>7}")
        for name in asked.w.split(","):
            print(asyncio.run(measure(name, target, endpoints, asked, [p.pid for p in running])), flush=True)
    finally:
        stop(running)


def start(target: dict[str, Any], directory: Path) -> list[subprocess.Popen[bytes]]:
    """Prepares and starts the target's processes on core 0, the generator on core 1; waits for discovery."""
    if os.cpu_count() and os.cpu_count() > 1:  # type: ignore[operator]
        os.sched_setaffinity(0, {1})
    work = directory / "local" / "run"
    port = str(urlsplit(target["issuer"]).port)
    known = {"WORK": str(work), "PORT": port, "ISSUER": target["issuer"], "PYTHON": sys.executable}
    environment = os.environ | known
    environment |= {k: v.replace("$WORK", str(work)) for k, v in target.get("env", {}).items()}
    subprocess.run(["bash", "-c", f"rm -rf {work} && mkdir -p {work}"], check=True)
    subprocess.run(["bash", "-c", target.get("prepare", "true")], cwd=directory, env=environment, check=True)
    running = []
    for process in target["processes"]:
        with open(work / f"{process['name']}.log", "wb") as log:
            command = ["taskset", "-c", "0", "bash", "-c", "exec " + process["cmd"]]
            running.append(
                subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log, start_new_session=True)
            )
    if "after" in target:
        wait_for_discovery(target)
        subprocess.run(["bash", "-c", target["after"]], cwd=directory, env=environment, check=True)
    return running


def wait_for_discovery(target: dict[str, Any]) -> bytes:
    """The discovery document, as soon as it is served; gives up after a minute."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(target["issuer"] + "/.well-known/openid-configuration", timeout=2) as answer:
                return bytes(answer.read())
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{target['issuer']} serves no discovery document: see bench/local/run/*.log")


def discover(target: dict[str, Any]) -> dict[str, str]:
    """Paths of the endpoints, from the provider's own metadata."""
    metadata = json.loads(wait_for_discovery(target))
    names = ("authorization", "token", "userinfo", "introspection")
    paths = {name: urlsplit(metadata[f"{name}_endpoint"]).path for name in names}
    return paths | {"jwks": urlsplit(metadata["jwks_uri"]).path, "discovery": "/.well-known/openid-configuration"}


async def measure(name: str, target: dict[str, Any], endpoints: dict[str, str], asked: Any, pids: list[int]) -> str:
    """Runs one workload on every connection for the asked seconds; the line to print."""
    prepare, unit = WORKLOADS[name]
    port = urlsplit(target["issuer"]).port or 80
    people = [
        Person(Browser(port), target["user_pattern"] % (i + 1), target["password"], endpoints, target["clients"])
        for i in range(asked.c)
    ]
    for person in people:
        await prepare(person)
        await unit(person)
    times: list[float] = []
    errors: list[str] = []
    before, sent, began = cpu_seconds(pids), sum(p.browser.requests for p in people), time.perf_counter()
    deadline = began + asked.d
    await asyncio.gather(*(repeat(unit, person, deadline, times, errors) for person in people))
    wall, cpu = time.perf_counter() - began, cpu_seconds(pids) - before
    sent = sum(p.browser.requests for p in people) - sent
    return line(name, times, errors, wall, cpu, sent)


async def repeat(unit: Any, person: Person, deadline: float, times: list[float], errors: list[str]) -> None:
    """One connection's closed loop."""
    while time.perf_counter() < deadline and len(errors) < 50:
        began = time.perf_counter()
        try:
            await unit(person)
            times.append(time.perf_counter() - began)
        except (Failed, KeyError, ValueError) as failed:
            errors.append(str(failed))


def line(name: str, times: list[float], errors: list[str], wall: float, cpu: float, sent: int) -> str:
    """One workload's figures; the first error in words, if there was one."""
    if len(times) < 2:
        return f"{name:4} failed: {errors[:1]}"
    cuts = statistics.quantiles(times, n=100)
    figures = f"{cpu / len(times) * 1e3:11.3f} {len(times) / wall:9.1f} {cuts[49] * 1e3:8.2f} {cuts[98] * 1e3:8.2f}"
    return f"{name:4} {figures} {sent / len(times):13.1f} {len(errors):7d}" + (f"  {errors[0]}" if errors else "")


def cpu_seconds(pids: list[int]) -> float:
    """User and system seconds of these processes and all their descendants, those already reaped included."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = sum(int(f) for f in fields[11:15]) / TICKS
    todo, total = list(pids), 0.0
    while todo:
        pid = todo.pop()
        total += used.get(pid, 0.0)
        todo += children.get(pid, [])
    return total


def stop(running: list[subprocess.Popen[bytes]]) -> None:
    """Ends the processes, last started first."""
    for process in reversed(running):
        os.killpg(process.pid, signal.SIGTERM)
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
