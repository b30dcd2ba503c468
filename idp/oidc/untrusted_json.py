"""JSON from outside, read with a limit on its depth: what we would write again must not be deeper than writers can go."""

from typing import Any

import orjson

MAX_DEPTH = 32  # levels; no member of any specification of ours has more than six


def read(raw: bytes | str) -> Any:
    """The value; raises ValueError when it is not JSON or nested more than 32 levels deep."""
    value = orjson.loads(raw)
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError("nested too deep")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
