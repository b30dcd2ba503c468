"""Every limit of the house in one table by name, and the one atomic step that counts against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, cast

import orjson
from flask import current_app

from idp.core import clock
from idp.core.settings import ConfigError, Settings, settings
from idp.storage.redis_store import Script, store
from idp.storage.sealing import sealer

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = 7 * DAY
WIDER = 20  # how many /64 lines of one /48 together may do what one may


class TooManyAttempts(Exception):
    """A limit is used up: `retry_after` whole seconds to wait, `limit` its name; says nothing about whose it was."""

    def __init__(self, retry_after: int, limit: str) -> None:
        super().__init__(f"{limit}: try again in {retry_after} s")
        self.retry_after = retry_after
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` hits in any `seconds`.

    `per_address` honours the setting address_limits; its last subject is a network (`requests.client_network`), and an
    IPv6 /64 is counted in its /48 as well, with WIDER times the amount. `share` is the percentage of the hourly SMS budget
    that the amount is. `pause` shortens the wait to so many seconds after the last
    hit. `growing` counts refused hits too, so that whoever goes on waits longer. `fixed` counts by the clock's
    windows instead of a sliding one: for amounts too large to remember each hit.
    """

    amount: int
    seconds: int
    per_address: bool = False
    share: int = 0
    pause: int = 0
    growing: bool = False
    fixed: bool = False


# The first word of a name is its family: limits of one family are counted in one script and share a hash tag.
LIMITS: dict[str, Limit] = {
    # Wrong codes: the fifth kills the challenge (counted in the challenge itself), the tenth pauses the account.
    "otp_wrong_challenge": Limit(5, 10 * MINUTE),
    # Subjects: account (or recipient) and the purpose's share, so that guesses at recovery never cost the second factor.
    "otp_wrong_account": Limit(10, HOUR, pause=15 * MINUTE),
    # In a row, over days (NIST SP 800-63B section 3.2.2): forgotten at the first right one.
    "otp_wrong_row": Limit(100, 30 * DAY),
    # Sends per recipient and purpose, whichever account asks; what is only pretended is counted apart.
    "otp_send_phone_gap": Limit(1, MINUTE),
    "otp_send_phone_hour": Limit(5, HOUR),
    "otp_send_phone_day": Limit(10, DAY),
    "otp_send_email_gap": Limit(1, MINUTE),
    "otp_send_email_hour": Limit(5, HOUR),
    "otp_send_email_day": Limit(10, DAY),
    # Numbers that differ in their last four digits only: who is paid for SMS owns whole ranges of numbers.
    "otp_send_prefix_hour": Limit(300, HOUR),
    # Every SMS of the house; the amount is the setting sms_hourly_budget. Each purpose has a share of its own, so that
    # strangers who register do not use up the codes of those who sign in.
    "otp_send_all_hour": Limit(20000, HOUR, fixed=True),
    "otp_share_second_factor": Limit(8000, HOUR, fixed=True, share=40),
    "otp_share_registration": Limit(6000, HOUR, fixed=True, share=30),
    "otp_share_recovery": Limit(4000, HOUR, fixed=True, share=20),
    "otp_share_notices": Limit(2000, HOUR, fixed=True, share=10),
    # Subjects: identifier and address; account (or identifier) and address; address.
    "password_minute": Limit(5, MINUTE),
    "password_half_day": Limit(50, 12 * HOUR, growing=True),
    "password_address": Limit(20, MINUTE, per_address=True),
    # Answers that no passkey of ours gave: no secret can be guessed so, but each costs a signature check.
    "passkey_address": Limit(20, MINUTE, per_address=True),
    # The three facts at Dukcapil; a match gives back what counts wrong facts only. Of one asker for one NIK (subjects: NIK
    # and address); of everybody for it: beyond that whoever goes on proves a number, which is good for one try a day.
    "facts_asker_day": Limit(3, DAY),
    "facts_nik_month": Limit(5, 30 * DAY),
    "facts_number_day": Limit(1, DAY),
    # Of an officer before whom the person stands.
    "facts_nik_day": Limit(3, DAY),
    "facts_device": Limit(5, DAY),
    "facts_address": Limit(10, HOUR, per_address=True),
    # Completed identity recoveries: per NIK, and per new contact. Counted from the rows in SQL (probation.frequency); what is
    # counted here is only that no two complete at once.
    "recovery_nik": Limit(1, 30 * DAY),
    "recovery_contact": Limit(1, 30 * DAY),
    "recovery_now": Limit(1, MINUTE),
    "registration_address": Limit(10, HOUR, per_address=True),
    # Interactions that the store has to keep: those in which somebody acted, and those too large for a cookie.
    "interaction_address": Limit(600, 10 * MINUTE, per_address=True),
    # Contacts given under one proved NIK: else one leaked identity could have codes sent to any number of strangers.
    "registration_nik": Limit(10, DAY),
    "recovery_given_nik": Limit(10, DAY),
    # Contacts that one account tries to take: a stolen session must not have codes sent to any number of strangers.
    "contact_change_account": Limit(10, DAY),
    # Files of all data: each walks the whole trail, and tells every contact.
    "export_account": Limit(10, DAY),
    # Wrong guesses of the code on somebody's device (RFC 8628 section 5.1).
    "device_code_address": Limit(20, 10 * MINUTE, per_address=True),
    # Notices to one contact of one kind, so that nobody is bombarded by somebody else's attempts.
    "notice_contact_day": Limit(5, DAY),
}

# Sliding limits are lists of the last `amount` times in milliseconds, newest first: exact, and small. The first pass
# decides, the second counts: an act that one limit refuses uses up none of the others.
_HIT = Script("""
local now, refused, longest = tonumber(ARGV[1]), 0, 0
local limits, waits = {}, {}
for i, key in ipairs(KEYS) do
  local limit = cjson.decode(ARGV[i + 1])
  local wait = 0
  if limit.fixed then
    if tonumber(redis.call('GET', key) or '0') >= limit.amount then wait = limit.window - now % limit.window end
  else
    local oldest = tonumber(redis.call('LINDEX', key, limit.amount - 1) or '')
    if oldest then
      wait = oldest + limit.window - now
      if limit.pause > 0 then wait = math.min(wait, tonumber(redis.call('LINDEX', key, 0)) + limit.pause - now) end
    end
  end
  wait = math.min(wait, limit.window)
  limits[i], waits[i] = limit, wait
  if limit.enforced and wait > longest then refused, longest = i, wait end
end
local left = {}
for i, key in ipairs(KEYS) do
  local limit = limits[i]
  if ARGV[#KEYS + 2] == 'count' and (refused == 0 or (limit.growing and waits[i] > 0)) then
    if limit.fixed then redis.call('INCR', key)
    else
      redis.call('LPUSH', key, ARGV[1])
      redis.call('LTRIM', key, 0, limit.amount - 1)
    end
    redis.call('PEXPIRE', key, limit.life)
  end
  local used = 0
  if limit.fixed then used = tonumber(redis.call('GET', key) or '0')
  else
    for _, at in ipairs(redis.call('LRANGE', key, 0, limit.amount - 1)) do
      if tonumber(at) + limit.window > now then used = used + 1 end
    end
  end
  left[i] = math.max(limit.amount - used, 0)
end
return {refused, longest, left}
""")

_GIVE_BACK = Script("""
for i, key in ipairs(KEYS) do
  if ARGV[i] == 'fixed' then
    if redis.call('EXISTS', key) == 1 then redis.call('DECR', key) end
  else redis.call('LPOP', key) end
end
""")


def hit(name: str, *subjects: str) -> int:
    """Counts one act of `subjects` against the limit; returns how many are left; raises TooManyAttempts.

    Fails closed: StoreUnavailable passes through, and nobody acts uncounted.
    """
    return hit_all([(name, subjects)])[name]


def hit_all(acts: Sequence[tuple[str, Sequence[str]]]) -> dict[str, int]:
    """Counts one act against several limits of one family, all or none, in one atomic step.

    Returns what is left of each; raises TooManyAttempts for the limit with the longest wait.
    """
    return _run(acts, "count")


def check(name: str, *subjects: str) -> int:
    """As `hit`, without counting: for work that only has to look like the real thing."""
    return _run([(name, subjects)], "look")[name]


def remaining(name: str, *subjects: str) -> int:
    """How many acts are left now; counts nothing and refuses nobody."""
    return _ask([(name, subjects)], "look")[2][name]


def give_back(name: str, *subjects: str) -> None:
    """Takes one hit back: the act turned out to be of the kind that is not limited."""
    kind = "fixed" if limits()[name].fixed else "sliding"
    keys = [_key(name, wanted) for wanted in _counted_as(name, subjects)]
    store().run(_GIVE_BACK, keys, [kind] * len(keys))


def clear(name: str, *subjects: str) -> None:
    """Forgets all hits, such as after a right password."""
    store().drop(*(_key(name, wanted) for wanted in _counted_as(name, subjects)))


def used(name: str, *subjects: str, seconds_ago: int = 0) -> int:
    """How many hits a fixed limit counted in the window that was running `seconds_ago` (up to eight days)."""
    return int(store().get(_key(name, subjects, seconds_ago)) or 0)


def limits() -> Mapping[str, Limit]:
    """The table with the settings' changes applied, worked out once per application."""
    table = current_app.extensions.get("idp.limits")
    if table is None:
        table = current_app.extensions["idp.limits"] = limits_with_settings(settings())
    return cast("Mapping[str, Limit]", table)


def limits_with_settings(loaded: Settings) -> dict[str, Limit]:
    """LIMITS changed by the settings `limits` and `sms_hourly_budget`; raises ConfigError."""
    table = dict(LIMITS)
    table["otp_send_all_hour"] = replace(table["otp_send_all_hour"], amount=loaded.sms_hourly_budget)
    for name, limit in LIMITS.items():
        if limit.share:
            table[name] = replace(limit, amount=max(1, loaded.sms_hourly_budget * limit.share // 100))
    for name, change in loaded.limits.items():
        if name not in table:
            raise ConfigError(f"IDP_LIMITS names {name!r}, which is no limit: choose from {', '.join(sorted(table))}.")
        table[name] = _changed(name, table[name], change)
    return table


def _changed(name: str, limit: Limit, change: Any) -> Limit:
    fields = change if isinstance(change, dict) else {"amount": change}
    whole = all(type(value) is int and value >= 1 for value in fields.values())
    if not fields or not whole or not fields.keys() <= {"amount", "seconds"}:
        raise ConfigError(f'IDP_LIMITS["{name}"] must be a number from 1, or {{"amount": 5, "seconds": 3600}}.')
    return replace(limit, **fields)


def _run(acts: Sequence[tuple[str, Sequence[str]]], mode: str) -> dict[str, int]:
    refused, wait, left = _ask(acts, mode)
    if refused is not None:
        raise TooManyAttempts(-(-wait // 1000), refused)
    return left


def _ask(acts: Sequence[tuple[str, Sequence[str]]], mode: str) -> tuple[str | None, int, dict[str, int]]:
    """The limit that refuses (None for none), for how many milliseconds, and what is left of each."""
    if len({_family(name) for name, _ in acts}) != 1:
        raise ValueError("limits of one act must be of one family, since one script counts them")
    counts = [(name, wanted, wide) for name, subjects in acts for wide, wanted in enumerate(_counted_as(name, subjects))]
    keys = [_key(name, wanted) for name, wanted, _ in counts]
    arguments: list[str | bytes | int] = [_milliseconds(), *(_arguments(name, bool(wide)) for name, _, wide in counts), mode]
    refused, wait, left = store().run(_HIT, keys, arguments)
    least: dict[str, int] = {}
    for (name, _, _), count in zip(counts, left, strict=True):
        least[name] = min(count, least.get(name, count))
    return counts[refused - 1][0] if refused else None, wait, least


def _counted_as(name: str, subjects: Sequence[str]) -> list[Sequence[str]]:
    """The subjects, and for a limit per address of an IPv6 line its /48 too: a provider hands those out as freely."""
    if not limits()[name].per_address or not subjects[-1:] or not subjects[-1].endswith("/64"):
        return [subjects]
    return [subjects, (*subjects[:-1], str(ip_network(subjects[-1]).supernet(new_prefix=48)))]


def _arguments(name: str, wide: bool) -> bytes:
    limit = limits()[name]
    enforced = not limit.per_address or settings().address_limits == "enforce"
    return _encoded(replace(limit, amount=limit.amount * WIDER) if wide else limit, enforced)


@lru_cache
def _encoded(limit: Limit, enforced: bool) -> bytes:
    # A fixed window is kept a week longer, so that an hour can be compared with the same hour last week.
    life = limit.seconds + (WEEK + DAY if limit.fixed else 0)
    milliseconds = {"window": limit.seconds * 1000, "pause": limit.pause * 1000, "life": life * 1000}
    kind = {"amount": limit.amount, "growing": limit.growing, "fixed": limit.fixed, "enforced": enforced}
    return orjson.dumps(milliseconds | kind)


def _key(name: str, subjects: Sequence[str], seconds_ago: int = 0) -> str:
    # Blind index, not a bare hash: NIK and phone numbers are few enough to be tried out. A rotation of the index
    # key starts the counts anew.
    limit = limits()[name]
    window = f":{(_milliseconds() // 1000 - seconds_ago) // limit.seconds}" if limit.fixed else ""
    subject = sealer().index("\x1f".join(subjects), "limit")
    return f"limit:{{{_family(name)}}}:{name}:{limit.seconds}:{subject}{window}"


def _family(name: str) -> str:
    return name.partition("_")[0]


def _milliseconds() -> int:
    return int(clock.now().timestamp() * 1000)
