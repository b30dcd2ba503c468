"""What everybody holds of an account, and whether it must, may or must not count any more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# It counts. Nobody can say: it has grown old, or a fault struck whoever used it. It must never count again.
LIVE, UNSURE, DEAD = "live", "unsure", "dead"
SESSION, ACCESS, REFRESH, CODE, PAGE = "session", "access token", "refresh token", "authorization code", "page"
# Seconds after which nobody relies on it any more; a little less than it lives.
LIVES = {SESSION: 1500, ACCESS: 540, REFRESH: 29 * 86400, CODE: 50, PAGE: 0}


@dataclass(eq=False)
class Thing:
    """Something that acts for an account, or waits to: `use` tries it and says whether it counted."""

    kind: str
    account: str
    use: Callable[[], bool]
    browser: Any = None
    service: Any = None
    cookie: str = ""
    text: str = ""
    promised: dict[str, Any] = field(default_factory=dict)
    offline: bool = False
    thief: bool = False
    born: int = 0
    age: int = 0
    state: str = LIVE
    why: str = ""
    got: str = ""
    died: str = ""
    tried: bool = False

    @property
    def sid(self) -> str:
        """The session that it came from, or is."""
        return self.cookie.partition(".")[0]

    @property
    def life(self) -> int:
        """For how many seconds somebody relies on it."""
        return LIVES[SESSION if self.kind == REFRESH and not self.offline else self.kind]

    def dies(self, why: str, by: str = "") -> None:
        """From now on it must not count; `by` is the deed that a failover may undo."""
        if self.state != DEAD:
            self.state, self.why, self.died = DEAD, why, by

    def doubted(self) -> None:
        """Nobody can say any more whether it counts."""
        if self.state == LIVE:
            self.state = UNSURE

    def __str__(self) -> str:
        """As a violation names it."""
        return ", ".join(
            part for part in (f"{self.kind} of {self.account}", self.got and f"got as somebody {self.got}", self.why) if part
        )


class Ledger:
    """All things of a history."""

    def __init__(self) -> None:
        """With nothing in it."""
        self.things: list[Thing] = []
        self.moment, self.deed = 0, ""

    def add(self, kind: str, account: str, use: Callable[[], bool], **more: Any) -> Thing:
        """Somebody has got something."""
        self.moment += 1
        more.setdefault("got", self.deed)
        thing = Thing(kind, account, use, born=self.moment, **more)
        self.things.append(thing)
        return thing

    def of(self, account: str, *kinds: str) -> Iterator[Thing]:
        """Things of an account, of these kinds if any are named."""
        return (thing for thing in self.things if thing.account == account and (not kinds or thing.kind in kinds))

    def find(self, state: str, *kinds: str) -> list[Thing]:
        """Things in a state, of these kinds if any are named."""
        return [thing for thing in self.things if thing.state == state and (not kinds or thing.kind in kinds)]

    def ends(self, account: str, since: int, why: str, spared: Callable[[Thing], bool]) -> None:
        """Nothing of before the moment `since` counts for the account any more, but for what is spared."""
        for thing in self.of(account):
            if thing.born <= since and not spared(thing):
                thing.dies(why)

    def undoes(self, deed: str) -> None:
        """A failover has lost what the deed wrote: a secret that was replaced in it, and nothing else, may count again."""
        for thing in self.things:
            if thing.state == DEAD and thing.died == deed:
                thing.state = UNSURE

    def ages(self, seconds: int) -> None:
        """Time passes: what lives for less is not relied on any more."""
        for thing in self.things:
            thing.age += seconds
            if thing.life <= thing.age:
                thing.doubted()

    def doubts(self, account: str = "", *kinds: str) -> None:
        """A fault struck: nobody relies on what there is, of that account and those kinds if any are named."""
        for thing in self.things:
            if (not account or thing.account == account) and (not kinds or thing.kind in kinds):
                thing.doubted()
