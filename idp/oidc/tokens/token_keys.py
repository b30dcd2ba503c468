"""How tokens name their keys in the store: every key of one account shares the slot of its bucket."""

from typing import cast

from flask import current_app

from idp.core import crypto
from idp.core.settings import Secrets

_HEX = "0123456789abcdef"


def new_bucketed_token(owner: str) -> str:
    """A fresh token that leads to the bucket of `owner`: an account's subject, or a client that acts for itself.

    It begins with the bucket under a mask that only we can make, another for each token: two services, or two tokens of
    one, tell nobody that they are about the same account.
    """
    rest = crypto.random_token()
    return _masked(crypto.hash_tag(owner), rest) + rest


def is_bucketed(token: str) -> bool:
    return 40 <= len(token) <= 64 and token.isascii() and all(c in _HEX for c in token[:2])


def hash_tag(token: str) -> str:
    """The hash tag (Redis Cluster) of a token's bucket."""
    return f"{{{_masked(token[:2], token[2:])}}}"


def token_key(kind: str, token: str) -> str:
    return f"{kind}:{hash_tag(token)}:{crypto.digest(token)}"


def _masked(byte: str, rest: str) -> str:
    # The exclusive or with the mask undoes itself.
    secrets = cast(Secrets, current_app.extensions["idp.secrets"])
    mask = crypto.sha256(crypto.mac(secrets.pairwise, "bucket", rest))[0]
    return f"{int(byte, 16) ^ mask:02x}"
