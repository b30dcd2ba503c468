"""How tokens name their keys in the store: every key of one account shares the slot of its bucket."""

from idp.core import crypto


def is_bucketed(token: str) -> bool:
    return 40 <= len(token) <= 64 and token.isascii() and all(c in "0123456789abcdef" for c in token[:2])


def hash_tag(token: str) -> str:
    return f"{{{token[:2]}}}"


def token_key(kind: str, token: str) -> str:
    return f"{kind}:{hash_tag(token)}:{crypto.digest(token)}"
