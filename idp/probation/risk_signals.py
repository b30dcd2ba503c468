"""Gathers what the risk of a recovery is weighed by, from tables, deliveries and the browser at hand."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from idp import notices
from idp.accounts import Account
from idp.authenticators import remembered_devices
from idp.core import clock, lifetimes
from idp.core.lifetimes import DAY, HOUR
from idp.core.settings import settings
from idp.core.values import EmailAddress, PhoneNumber
from idp.gateways.sms import delivery_status
from idp.probation.model import Recovery
from idp.probation.risk import RiskSignals
from idp.sessions import known_devices, single_sign_on
from idp.storage.database import db
from idp.storage.sealing import sealer
from idp.web import requests
from idp.web.csrf import browser_secret

USED_LATELY = lifetimes.USED_LATELY.seconds
DORMANT = lifetimes.DORMANT.seconds
SEEN_WITHIN = lifetimes.SEEN_IN_RECOVERY.seconds
DEAD = ("refused", "blocked")  # what gateways answer for a number or address that takes nothing
USUAL_DAYS = 7
SURGE_FACTOR, SURGE_LEAST = 3, 10  # so many times the usual in an hour; fewer than ten are no surge whatever is usual


@dataclass(frozen=True, slots=True)
class RecoveryEvidence:
    """What the person gave to recover the account; `old_proof` is whether an old credential or contact was among it."""

    phone: PhoneNumber
    email: EmailAddress
    old_proof: bool


def requester_indexes() -> dict[str, str | None]:
    """Blind indexes of this browser and address, as a recovery keeps them."""
    device = browser_secret()
    return {
        "device_index": sealer().index(device, "recovery-device") if device else None,
        "address_index": sealer().index(requests.client_network(), "recovery-address"),
    }


def gather(row: Recovery, account: Account, given: RecoveryEvidence) -> RiskSignals:
    """Everything that is known now, before any session ends."""
    known_device = known_devices.is_known(account.subject) or remembered_devices.is_remembered(account.subject)
    last_used = _last_used_elsewhere(account.subject)
    fates = _warning_deliveries(row)
    now = clock.timestamp()
    return RiskSignals(
        used_elsewhere=last_used > now - USED_LATELY,
        old_phone_lives=fates.phone_lives,
        seen_before=_seen_before(row, given),
        surge=_surge(now),
        known_device=known_device,
        old_proof=given.old_proof,
        dormant=fates.all_dead and not known_device and max(last_used, account.created_at) <= now - DORMANT,
    )


def _last_used_elsewhere(subject: str) -> int:
    """Epoch seconds of the last use in another browser than this one: of its sign-ins, and of sessions that are alive."""
    here = single_sign_on.current()
    alive = [int(s["seen"]) for s in single_sign_on.of_account(subject) if here is None or s["sid"] != here.sid]
    return max([known_devices.last_seen_elsewhere(subject) or 0, *alive])


def _seen_before(row: Recovery, given: RecoveryEvidence) -> bool:
    """Whether somebody else's recovery of the last 30 days had this contact, device or address."""
    same: list[ColumnElement[bool]] = [
        Recovery.phone_index.in_(sealer().indexes(given.phone.value, "phone")),
        Recovery.email_index.in_(sealer().indexes(given.email.value, "email")),
    ]
    here = requester_indexes()
    if here["device_index"]:
        same.append(Recovery.device_index == here["device_index"])
    if settings().address_limits == "enforce":
        # Where a carrier puts thousands of phones behind one address, the address says nothing.
        same.append(Recovery.address_index == here["address_index"])
    others = (Recovery.nik_index != row.nik_index) & (Recovery.started_at > row.started_at - SEEN_WITHIN)
    return db.session.scalar(select(Recovery.id).where(others, or_(*same)).limit(1)) is not None


def _surge(now: int) -> bool:
    lately = _started_between(now - HOUR, now + 1)
    usual = _started_between(now - HOUR - USUAL_DAYS * DAY, now - HOUR) / (USUAL_DAYS * 24)
    return lately >= SURGE_LEAST and lately > SURGE_FACTOR * usual


def _started_between(begin: int, end: int) -> int:
    wanted = select(func.count()).where(Recovery.started_at >= begin, Recovery.started_at < end)
    return db.session.scalar(wanted) or 0


@dataclass(frozen=True, slots=True)
class WarningDeliveries:
    """What became of the warnings to the old contacts."""

    phone_lives: bool = False
    all_dead: bool = False


def _warning_deliveries(row: Recovery) -> WarningDeliveries:
    sent = notices.delivery_outcomes(row.subject, "recovery_started", row.started_at)
    lives = any(fate.channel == "sms" and delivery_status(fate.id) == "delivered" for fate in sent)
    return WarningDeliveries(lives, bool(sent) and all(_dead(fate) for fate in sent))


def _dead(fate: notices.DeliveryOutcome) -> bool:
    """Whether a gateway has said that this contact is no more; silence proves nothing."""
    return fate.last_answer in DEAD or delivery_status(fate.id) == "undelivered"
