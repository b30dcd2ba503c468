"""Which tests run, and in which order: `--order-seed`, `--only` and `--quick`, for `make soak` and `make quick`."""

import secrets
from random import Random
from types import CodeType
from typing import Any

import pytest

# By the fixtures that a test asks for: what needs a browser or a process of its own, and what needs stores.
PROCESSES = {"chromium", "running", "server", "start"}
STORES = {"house", "ground_redis", "operators_redis"}
RACING = {"at_once", "Barrier", "Thread", "ThreadPoolExecutor"}
KINDS = ("browser", "races", "clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the three options."""
    group = parser.getgroup("choosing")
    group.addoption("--order-seed", default="", help="shuffle the tests by this seed; `new` makes one up and prints it")
    group.addoption("--only", choices=KINDS, help="tests in a browser, tests of races, or tests that move the clock")
    group.addoption("--faults", action="store_true", help="also the tests that take minutes: restarts under load, deaths")
    group.addoption("--quick", action="store_true", help="what tells most in a minute: units, and the first test of each file")


def pytest_configure(config: pytest.Config) -> None:
    """Makes a seed up, once for all workers."""
    config.addinivalue_line("markers", "faults: takes minutes; runs in `make faults` only")
    config.addinivalue_line("markers", "slow: takes seconds whatever the machine; left out of `make quick`")
    given = getattr(config, "workerinput", {}).get("order_seed")
    if config.option.order_seed == "new":
        config.option.order_seed = given or secrets.token_hex(4)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of pytest-xdist the seed: all must have the same order."""
    node.workerinput["order_seed"] = node.config.option.order_seed


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The seed, to repeat an order that failed."""
    return [f"--order-seed={config.option.order_seed}"] if config.option.order_seed else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Chooses, then shuffles."""
    chosen = items if config.option.faults else [item for item in items if "faults" not in item.keywords]
    if config.option.only:
        chosen = [item for item in chosen if config.option.only in kinds_of(item)]
    if config.option.quick:
        chosen = quick(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
    if config.option.order_seed:
        Random(config.option.order_seed).shuffle(items)  # an order, not a secret


def kinds_of(item: pytest.Item) -> set[str]:
    """What may depend on chance in a test: the browser, threads that race, the clock."""
    fixtures = set(getattr(item, "fixturenames", ()))
    kinds = {"browser"} if "chromium" in fixtures else set()
    kinds |= {"clock"} if "clock" in fixtures else set()
    code = getattr(getattr(item, "function", None), "__code__", None)
    return kinds | ({"races"} if code is not None and _names(code) & RACING else set())


def quick(items: list[pytest.Item]) -> list[pytest.Item]:
    """All that needs neither stores nor processes, and of each file that needs stores the first test: a journey of each kind."""
    chosen, seen = [], set()
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "slow" in item.keywords or fixtures & PROCESSES or "postgresql" in item.name:
            continue
        if fixtures & STORES:
            if item.path in seen:
                continue
            seen.add(item.path)
        chosen.append(item)
    return chosen


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)
