"""Which services an account uses: noted with each code, told to the account's owner and to logout."""

from idp.core import crypto, lifetimes
from idp.oidc.tokens.approvals import Approval
from idp.storage.redis_store import store

SERVICE_USE_LIFE = (
    lifetimes.SERVICE_USE.seconds
)  # seconds that an account's services are remembered without any of them being used


def services_used(subject: str) -> dict[str, tuple[int, int]]:
    """Services that the account has signed in to within 90 days: first and last time (epoch seconds)."""
    known = store().all_fields(services_key(subject))
    last = {name.removeprefix("last:"): int(value) for name, value in known.items() if name.startswith("last:")}
    return {client_id: (int(known.get(f"first:{client_id}", at)), at) for client_id, at in last.items()}


def forget_service_used(subject: str, client_id: str) -> None:
    """Forgets that the account used this service."""
    store().drop_fields(services_key(subject), f"first:{client_id}", f"last:{client_id}")


def forget_services_used(subject: str) -> None:
    """Forgets which services the account used."""
    store().drop(services_key(subject))


def add_client_to_session(approval: Approval, session_life: int) -> None:
    """Notes a client that got tokens without a code in the session's list, which logout will tell."""
    tag = f"{{{crypto.hash_tag(approval.subject)}}}"
    store().add(f"session-clients:{tag}:{approval.sid}", approval.client_id, session_life)


def services_key(subject: str) -> str:
    return f"services:{{{crypto.hash_tag(subject)}}}:{subject}"
