"""`make simulate`: seeds without end, or `SEEDS` many, or the one `SEED`; on SQLite unless told otherwise.

python -m tests.simulation [--seed N] [--seeds N] [--first N] [--minutes N] [--postgresql]
"""

import argparse
import itertools
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests import stores
from tests.conftest import House
from tests.simulation.run import SeedFailed, run, simulated

PROGRESS = 25


def main() -> int:
    """0 when every seed held, 1 when one failed."""
    asked = _arguments()
    place = stores.large() if asked.postgresql else stores.little()
    tally: Counter[str] = Counter()
    begun = time.monotonic()
    with place as found:
        house = House(found)
        try:
            with simulated(house) as simulation:
                for seed in _seeds(asked):
                    run(simulation, seed, tally)
                    if asked.seed is not None or tally["histories"] % PROGRESS == 0:
                        print(
                            f"{tally['histories']} histories, up to seed {seed}, in {time.monotonic() - begun:.0f} s", flush=True
                        )
                    if asked.minutes and time.monotonic() - begun > asked.minutes * 60:
                        break
        except SeedFailed as failed:
            print(failed)
            return 1
        except KeyboardInterrupt:
            pass
        finally:
            house.close()
    print(table(tally))
    return 0


def _seeds(asked: argparse.Namespace) -> Iterable[int]:
    if asked.seed is not None:
        return [asked.seed]
    first = asked.first if asked.first is not None else secrets.randbelow(10**9)
    return itertools.islice(itertools.count(first), asked.seeds or None)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    for name in ("seed", "seeds", "first", "minutes"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--postgresql", action="store_true")
    return parser.parse_args([word for word in sys.argv[1:] if word])


def table(tally: Counter[str]) -> str:
    """How often what was done, and which faults struck."""
    return "\n".join(f"{count:7} {what}" for what, count in sorted(tally.items()) if count)


if __name__ == "__main__":
    sys.exit(main())
