"""What was approved at the authorization endpoint, from which every token is issued."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import orjson


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved at the authorization endpoint: by whom, for which client, how surely; tokens are issued from it.

    `generation` is the account's when its owner was proved, `service` that of its connection to the client: what is issued
    carries both, and counts as long as they are so.
    """

    subject: str
    client_id: str
    scope: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    sid: str
    family: str
    grant: str = ""
    nonce: str = field(default="", repr=False)
    claims: dict[str, Any] = field(default_factory=dict, repr=False)
    resources: tuple[str, ...] = ()
    recovered_at: int = 0
    authorization_details: tuple[dict[str, Any], ...] = ()
    #: What a public client must show to refresh (RFC 9449 section 5): it has nothing else to prove itself with.
    bound_to: dict[str, str] = field(default_factory=dict, repr=False)
    generation: int = 0
    service: int = 0

    @property
    def offline(self) -> bool:
        """Whether the tokens outlive the session (OpenID Connect Core section 11)."""
        return "offline_access" in self.scope.split()

    @property
    def ends_with(self) -> list[str]:
        """Ids whose end is the end of every token issued from this."""
        return [i for i in ("" if self.offline else self.sid, self.family, self.grant) if i]

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """From the store's JSON; a member that this version does not know is left out."""
        return cls(**known_members(cls, data))


def approval_to_json(approval: Approval) -> str:
    """For a column of text."""
    return orjson.dumps(asdict(approval)).decode()


def known_members(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    known = cls.__dataclass_fields__
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known}
