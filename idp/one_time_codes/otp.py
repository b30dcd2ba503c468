"""One-time codes: six digits sent to a contact, bound to challenge, purpose and recipient, and verified at most once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
import structlog

from idp import accounts
from idp.accounts import generations
from idp.accounts.generations import ComparingScript
from idp.audit import trail
from idp.core import background, clock, crypto, lifetimes
from idp.core.values import ContactValue
from idp.gateways.sms import DeliveryFailed, Receipt
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.notices import channels
from idp.one_time_codes.message import CodeMessage
from idp.storage.redis_store import Script, store
from idp.storage.sealing import sealer

log = structlog.get_logger()

LIFE = lifetimes.ONE_TIME_CODE.seconds
LIVE_CODES = 3
CODE_LENGTH = 6  # digits
SURGE_FACTOR = 3

# Whose share of the SMS budget, and whose count of wrong codes, each purpose uses: what is guessed or asked for at one
# never costs the others.
SHARES = {
    "mfa": "second_factor",
    "registration": "registration",
    "facts": "registration",
    "email-proof": "registration",
    "contact-change": "registration",
    "contact-change-old": "second_factor",
}
SHARE_OF_OTHERS = "recovery"

Recipient = ContactValue
Delivery = Literal["sent", "uncertain", "failed"]


class WrongCode(Exception):
    """Not one of the codes we sent; `remaining` tries are left before the challenge is dead."""

    def __init__(self, remaining: int) -> None:
        super().__init__(f"wrong code, {remaining} left")
        self.remaining = remaining


class CodeExpired(Exception):
    """The challenge is over, used, unknown or of another purpose or recipient: ask for a new code."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code on its way: `id` is what `verify` and a resend want, `recipient` is masked, times are UTC.

    `resend_at` is when another may be sent. `delivery` is `failed` when the gateway refused: the challenge lives on,
    and another code may be sent at once; `uncertain` means that the message may still arrive.
    """

    id: str
    recipient: str
    sent_at: datetime
    resend_at: datetime
    expires_at: datetime
    delivery: Delivery


# A further code joins a challenge only if that lives, is not dead, and is for the same purpose and recipient.
_ADD = Script("""
local known = redis.call('HMGET', KEYS[1], 'purpose', 'recipient', 'wrong', 'codes', 'run', 'generation')
if known[1] and (known[1] ~= ARGV[1] or known[2] ~= ARGV[2] or tonumber(known[3]) >= tonumber(ARGV[3])) then return 0 end
if known[1] and (known[5] ~= run or known[6] ~= ARGV[9]) then return 0 end
local codes = cjson.decode(known[4] or '[]')
table.insert(codes, {ARGV[5], tonumber(ARGV[6])})
while #codes > tonumber(ARGV[7]) do table.remove(codes, 1) end
redis.call('HSET', KEYS[1], 'purpose', ARGV[1], 'recipient', ARGV[2], 'wrong', known[3] or 0, 'account', ARGV[4],
  'codes', cjson.encode(codes), 'run', run, 'generation', ARGV[9])
redis.call('EXPIRE', KEYS[1], ARGV[8])
return 1
""")

# The one step that judges a code: of many right ones one wins, of many wrong ones only the first five are compared. A
# code of another generation of the account is over, and one from before the server failed over: its use may be forgotten.
# KEYS: challenge, account. ARGV: purpose, recipient, most wrong, now, then what the code may be kept as.
_VERIFY = ComparingScript("""
local known = redis.call('HMGET', KEYS[1], 'purpose', 'recipient', 'wrong', 'codes', 'run', 'generation', 'account')
if known[1] ~= ARGV[1] or known[2] ~= ARGV[2] or known[5] ~= run then return {'expired', 0} end
if known[6] ~= '' then
  local state = counts(KEYS[2], known[6], {})
  if state == 'ask' then return {'ask', known[7]} end
  if state == 'no' then return {'expired', 0} end
end
local wrong, most = tonumber(known[3]), tonumber(ARGV[3])
if wrong >= most then return {'dead', 0} end
local alive = false
for _, code in ipairs(cjson.decode(known[4])) do
  if code[2] > tonumber(ARGV[4]) then
    alive = true
    for i = 5, #ARGV do
      if code[1] == ARGV[i] then
        redis.call('DEL', KEYS[1])
        return {'right', 0}
      end
    end
  end
end
if not alive then return {'expired', 0} end
redis.call('HINCRBY', KEYS[1], 'wrong', 1)
return {'wrong', most - wrong - 1}
""")


def send(
    challenge: str | None,
    purpose: str,
    recipient: Recipient,
    account: str | None = None,
    *,
    neutral: bool = False,
    generation: int | None = None,
) -> Challenge:
    """Sends a code to `recipient` and returns its challenge: the given one continued where it lives, else a new one.

    `account` is the subject whose wrong codes are counted; `generation` is that of the account for which the code is
    good, where it is for an account at all. `neutral` is for pages that must not tell whether there
    is an account: delivery goes on in the background, the outcome is not told, and the time taken is that of
    `pretend`. Raises TooManyAttempts (recipient or the whole house; nothing was sent) and StoreUnavailable.
    """
    kind = recipient.kind
    _count_send(kind, recipient, share_of(purpose))
    if kind == "phone":
        _spend_budget(recipient, share_of(purpose))
    code = crypto.numeric_code(CODE_LENGTH)
    opened = _open(challenge, purpose, recipient, account, code, generation)
    if neutral:
        background.start_in_constant_time(_deliver, opened, purpose, recipient, account, code)
        return opened
    return _deliver(opened, purpose, recipient, account, code)


def pretend(challenge: str | None, purpose: str, recipient: Recipient, account: str | None = None) -> Challenge:
    """The same limits, answer and time as `send(..., neutral=True)`, but nothing is sent and no code is ever right."""
    kind = recipient.kind
    # Counted apart from what is really sent: who knows a number must not stop the codes that its owner waits for.
    _count_send(kind, recipient, share_of(purpose), "pretended")
    if kind == "phone":
        # Looked at, not spent: else made-up numbers would use up the budget of those who wait for a real SMS.
        rate_limits.check("otp_send_all_hour")
        rate_limits.check(f"otp_share_{share_of(purpose)}")
    opened = _open(challenge, purpose, recipient, account, crypto.random_token())
    background.start_in_constant_time(lambda: None)
    return opened


def verify(challenge: str, purpose: str, code: str, recipient: Recipient | None = None) -> None:
    """Returns once for a right code and uses the challenge up; any of its last three codes is right for ten minutes.

    Give `recipient` wherever it could have been changed since the code went out: another one's challenge does not
    count for it. Raises WrongCode, CodeExpired, and TooManyAttempts when five were wrong for this challenge or ten
    in the hour for this account. Fails closed with StoreUnavailable.
    """
    known, account = _lookup(challenge, recipient)
    # Counted before it is judged and given back unless wrong: parallel guesses cannot slip past the hourly limit.
    counted = account, share_of(purpose)
    acts = [(name, counted) for name in _wrong_limits(purpose)]
    rate_limits.hit_all(acts)
    most = rate_limits.limits()["otp_wrong_challenge"].amount
    macs = _macs(challenge, purpose, known, _typed(code))
    outcome, left = generations.run_comparing(
        _VERIFY, [_key(challenge), _account_key(challenge, account)], [purpose, known, most, clock.timestamp(), *macs]
    )
    if outcome != b"wrong":
        for name, subjects in acts:
            rate_limits.give_back(name, *subjects)
    if outcome == b"dead":
        raise TooManyAttempts(rate_limits.MINUTE, "otp_wrong_challenge")
    if outcome == b"expired":
        raise CodeExpired
    if outcome == b"right":
        rate_limits.clear("otp_wrong_row", *counted)
    _record_verdict(purpose, account, outcome, left)
    if outcome == b"wrong":
        raise WrongCode(left)


def share_of(purpose: str) -> str:
    """Whose budget and count a purpose uses: `second_factor`, `registration` or `recovery`."""
    return SHARES.get(purpose, SHARE_OF_OTHERS)


def _wrong_limits(purpose: str) -> list[str]:
    # A hundred wrong codes in a row close recovery by this contact; the second factor is asked behind the password, and
    # whoever guesses there must not be able to close it for its owner.
    return ["otp_wrong_account", "otp_wrong_row"] if share_of(purpose) == "recovery" else ["otp_wrong_account"]


def _record_verdict(purpose: str, account: str, outcome: bytes, left: int) -> None:
    subject = None if account.startswith("recipient:") else account
    if outcome == b"right":
        trail.record("otp_right", account=subject, purpose=purpose)
    else:
        trail.record("otp_wrong" if left else "otp_dead", account=subject, purpose=purpose)


def _lookup(challenge: str, recipient: Recipient | None) -> tuple[str, str]:
    recipient_index, account = store().fields(_key(challenge), "recipient", "account")
    if recipient_index is None or account is None:
        raise CodeExpired
    known = recipient_index.decode()
    if recipient is not None and known not in sealer().indexes(recipient.value, "otp"):
        raise CodeExpired
    return known, account.decode()


def _open(
    challenge: str | None,
    purpose: str,
    recipient: Recipient,
    account: str | None,
    code: str,
    generation: int | None = None,
) -> Challenge:
    now = clock.now()
    index = sealer().index(recipient.value, "otp")
    most = rate_limits.limits()["otp_wrong_challenge"].amount
    # Wrong codes for nobody's account are counted for the recipient, or a limit that never comes would tell.
    counted = account or f"recipient:{index}"
    expires = clock.timestamp() + LIFE
    for known in (challenge, None):
        # Every challenge of an account lies beside its record; those of nobody's account lie anywhere.
        chosen = known or crypto.hash_tag(account or crypto.random_token(8)) + crypto.random_token(16)
        mac = _macs(chosen, purpose, index, code)[0]
        arguments: list[str | bytes | int] = [purpose, index, most, counted, mac, expires, LIVE_CODES, LIFE]
        arguments.append("" if generation is None else str(generation))
        if store().run(_ADD, [_key(chosen)], arguments):
            break
    gap = rate_limits.limits()[f"otp_send_{recipient.kind}_gap"].seconds
    times = now, now + timedelta(seconds=gap), clock.from_timestamp(expires)
    return Challenge(chosen, recipient.masked, *times, "sent")


def _deliver(opened: Challenge, purpose: str, recipient: Recipient, account: str | None, code: str) -> Challenge:
    delivery: Delivery = "sent"
    reference = crypto.random_token(12)
    try:
        receipt = channels.send(recipient, CodeMessage(code, purpose), accounts.reader_of(account), reference)
        delivery = "uncertain" if receipt is Receipt.UNCERTAIN else "sent"
    except DeliveryFailed as refused:
        delivery = "failed"
        log.warning("otp_not_delivered", reason=refused.reason, delivery=reference)
    trail.record("otp_sent", account=account, purpose=purpose, channel=recipient.channel, delivery=delivery, message=reference)
    if delivery != "failed":
        return replace(opened, delivery=delivery)
    # Nothing went out, so nobody has to wait a minute; the hour and the day still count.
    rate_limits.give_back(f"otp_send_{recipient.kind}_gap", recipient.value, share_of(purpose))
    return replace(opened, delivery=delivery, resend_at=opened.sent_at)


def _count_send(kind: str, recipient: Recipient, *apart: str) -> None:
    subject = (recipient.value, *apart)
    rate_limits.hit_all([(f"otp_send_{kind}_{window}", subject) for window in ("gap", "hour", "day")])


def _spend_budget(recipient: Recipient, share: str) -> None:
    acts: list[tuple[str, tuple[str, ...]]] = [
        ("otp_send_all_hour", ()),
        (f"otp_share_{share}", ()),
        ("otp_send_prefix_hour", (recipient.value[:-4],)),
    ]
    try:
        rate_limits.hit_all(acts)
    except TooManyAttempts as spent:
        _alarm(f"otp:spent:{spent.limit}", "otp_budget_spent", share=share, limit=spent.limit)
        raise
    now = rate_limits.used("otp_send_all_hour")
    usual = rate_limits.used("otp_send_all_hour", seconds_ago=rate_limits.WEEK)
    # An alarm, not a brake: three times the same hour last week smells of SMS pumping. Once an hour is enough.
    if usual and now >= SURGE_FACTOR * usual:
        _alarm("otp:surge", "otp_surge", sent=now, usual=usual)


def _alarm(once: str, event: trail.Event, **facts: Any) -> None:
    if store().put_if_absent(once, "1", rate_limits.HOUR):
        trail.record(event, **facts)
        log.error(event, **facts)


def _macs(challenge: str, purpose: str, recipient_index: str, code: str) -> list[str]:
    bound = orjson.dumps([challenge, purpose, recipient_index, code]).decode()
    return sealer().indexes(bound, "otp-code")


def _typed(code: str) -> str:
    return "".join(c for c in code[:40] if c.isascii() and c.isdigit())


def _key(challenge: str) -> str:
    return f"otp:{{{challenge[:2]}}}:{challenge}"


def _account_key(challenge: str, account: str) -> str:
    # In the slot of the challenge, also where it is nobody's.
    return f"account:{{{challenge[:2]}}}:{account}"
