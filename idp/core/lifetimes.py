"""How long everything lasts that the product promises or relies on, in one table: modules, pages and documents read it here."""

from dataclasses import dataclass
from enum import IntEnum

from idp.core.settings import Settings, settings


class Unit(IntEnum):
    """The unit in which people read a time, by its seconds."""

    SECOND = 1
    MINUTE = 60
    HOUR = 3600
    DAY = 86400


SECOND, MINUTE, HOUR, DAY = Unit


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One time: `amount` of `unit`, or what the setting of that name says; `source` is the clause that asks for it."""

    name: str
    amount: int | str
    unit: Unit
    description: str
    source: str = ""

    @property
    def seconds(self) -> int:
        """The time in seconds; one that a setting changes is known inside the running application only."""
        return self.unit * (getattr(settings(), self.amount) if isinstance(self.amount, str) else self.amount)

    @property
    def days(self) -> int:
        """Whole days."""
        return self.seconds // DAY

    @property
    def months(self) -> int:
        """The nearest number of months."""
        return round(self.days * 12 / 365.25)

    @property
    def minutes(self) -> int:
        """Whole minutes."""
        return self.seconds // MINUTE

    @property
    def in_words(self) -> str:
        """For documents: `60 seconds`, `14 days (IDP_DELETION_DAYS)`."""
        if isinstance(self.amount, int):
            return f"{self.amount} {self.unit.name.lower()}{'' if self.amount == 1 else 's'}"
        usual = Settings.model_fields[self.amount].default
        return f"{usual} {self.unit.name.lower()}s (`IDP_{self.amount.upper()}`)"


# -- sign-in and its waiting ------------------------------------------------------------------------------------------
INTERACTION = Lifetime("interaction", "interaction_minutes", MINUTE, "A request for a sign-in waits in our pages.")
INTERACTION_TRACE = Lifetime("trace of an interaction", 30, MINUTE, "After its end a late visitor still finds the way back.")
TYPED_FIELDS = Lifetime("fields of a form", 60, SECOND, "What was typed comes back after a change of language.")
SESSION_UNUSED = Lifetime("session, unused", "session_idle_minutes", MINUTE, "A single sign-on session without use.")
SESSION = Lifetime("session", "session_hours", HOUR, "A single sign-on session, used or not.")
SESSION_WARNING = Lifetime("warning before the end of a session", 2, MINUTE, "A page says so.", "WCAG 2.2 section 2.2.1")
ENDED_SESSION = Lifetime("mark of an ended session", 1, HOUR, "Longer than any access token lives: none outlives its session.")
RECENT_SIGN_IN = Lifetime("recent sign-in", 20, MINUTE, "The account's pages ask for nothing again before a change.")
REMEMBERED_DEVICE = Lifetime("remembered device", 30, DAY, "A browser need not give the second factor.")
KNOWN_DEVICE = Lifetime(
    "known device", 400, DAY, "A sign-in in a browser is not told as from a new device.", "RFC 6265bis section 5.5"
)
LONG_KNOWN_DEVICE = Lifetime("long known device", 30, DAY, "From then on a browser speaks for its owner in a recovery.")
NEW_ACCOUNT = Lifetime("new account", 1, DAY, "A first sign-in is not told as from a new device.")
PASSKEY_CEREMONY = Lifetime("passkey ceremony", 5, MINUTE, "The browser may ask the person.", "WebAuthn section 5.4")
WRONG_STREAK = Lifetime("row of wrong passwords", 30, DAY, "It is remembered without another attempt.")

# -- proofs and codes -------------------------------------------------------------------------------------------------
ONE_TIME_CODE = Lifetime("one-time code", 10, MINUTE, "Six digits by SMS or e-mail are right.", "NIST SP 800-63B section 5.1.3.2")
IDENTITY_PROOF = Lifetime("identity proof", 15, MINUTE, "A match at Dukcapil counts.")
CONTACT_CHANGE = Lifetime("contact change", 30, MINUTE, "A new contact waits for its code.")
RECOVERY_CODES_SHOWN = Lifetime("new recovery codes", 10, MINUTE, "The session that made them can read them again.")

# -- recovery by identity and deletion --------------------------------------------------------------------------------
RECOVERY_STARTED = Lifetime("recovery, begun", 1, HOUR, "Proof and interaction are over by then.")
RECOVERY_SHORT = Lifetime("recovery, provisional at little risk", 24, HOUR, "Power is limited.")
RECOVERY_LONG = Lifetime("recovery, provisional at some risk", 72, HOUR, "Power is limited.")
RECOVERY_WAIT = Lifetime("recovery, waiting at high risk", 72, HOUR, "Nothing has changed yet.")
RECOVERY_READY = Lifetime("recovery, ready", 14, DAY, "After its wait a new code completes it.")
VETO = Lifetime("veto", 30, DAY, "Old contacts may say no, from the start of the recovery.")
BLOCKED_AFTER_VETO = Lifetime("recovery after a veto", 30, DAY, "The account cannot be recovered by identity.")
SETTLED_CONTACT = Lifetime("contact that answers", 30, DAY, "It was verified so long before a recovery, or none is older.")
RECOVERY_ALLOWED = Lifetime("one more recovery", 7, DAY, "An officer's word waits for the person to come back.")
USED_LATELY = Lifetime("account in use", 30, DAY, "A recovery looks back for a sign-in elsewhere.")
DORMANT = Lifetime("dormant account", 180, DAY, "Nobody signed in: a recovery is less risky.")
SEEN_IN_RECOVERY = Lifetime("contact or device of another recovery", 30, DAY, "A recovery looks back for it.")
DELETION = Lifetime("deletion", "deletion_days", DAY, "An account waits for its erasure; signing in cancels it.")

# -- the protocol -----------------------------------------------------------------------------------------------------
AUTHORIZATION_CODE = Lifetime("authorization code", 60, SECOND, "It can be redeemed, once.", "FAPI 2.0 section 5.3.2.1")
ACCESS_TOKEN = Lifetime("access token", 10, MINUTE, "Unless a client's `access_token_lifetime` says 1 to 60 minutes.")
ID_TOKEN = Lifetime("ID token", 10, MINUTE, "A client may accept it.", "OpenID Connect Core section 2")
REFRESH_TOKEN_UNUSED = Lifetime("refresh token, unused", 30, DAY, "Each use begins the time anew.")
REFRESH_TOKEN = Lifetime("refresh token", 180, DAY, "From the sign-in on, used or not.", "RFC 9700 section 4.14.2")
ROTATION_GRACE = Lifetime("refresh token, rotated", 60, SECOND, "It works again: its answer may have been lost on the way.")
PUSHED_REQUEST = Lifetime("pushed request", 60, SECOND, "The browser may arrive with its `request_uri`.", "RFC 9126 section 2.2")
REQUEST_OBJECT = Lifetime("request object", 1, HOUR, "The most between `nbf` and `exp`.", "FAPI 1.0 Advanced section 5.2.2")
CLIENT_ASSERTION = Lifetime("client assertion", 1, HOUR, "The most that is taken: one good for years would be a password.")
CLOCK_LEEWAY = Lifetime("difference of clocks", 30, SECOND, "Between a client and us.", "RFC 7523 section 3")
DPOP_PROOF = Lifetime("DPoP proof", 60, SECOND, "After its `iat` it counts, without a nonce.", "RFC 9449 section 11.1")
DPOP_NONCE = Lifetime("DPoP nonce", 2, MINUTE, "It is handed out, and right as long again.", "RFC 9449 section 8")
SIGNED_RESPONSE = Lifetime("signed authorization response", 5, MINUTE, "A client may accept it.", "JARM section 2.1")
LOGOUT_TOKEN = Lifetime("logout token", 2, MINUTE, "A client may accept it.", "OpenID Connect Back-Channel Logout section 2.4")
DEVICE_CODE = Lifetime("device code", 10, MINUTE, "A person may type the user code.", "RFC 8628 section 3.2")
DEVICE_CODE_TRACE = Lifetime("trace of a device code", 10, MINUTE, "An expired code is told from an unknown one.")
DEVICE_POLL = Lifetime("poll of a device", 5, SECOND, "Between two, and what a hasty one adds.", "RFC 8628 section 3.5")
INITIAL_ACCESS_TOKEN = Lifetime("initial access token", 7, DAY, "A service may register itself.", "RFC 7591 section 3")
KEY_AHEAD = Lifetime("next signing key", 1, DAY, "It is published before it signs: clients cache our JWKS.")
KEY_OVERLAP = Lifetime("retired signing key", 1, DAY, "It is published after its last signature.")
CLIENT_KEYS = Lifetime("copy of a client's keys", 10, MINUTE, "A fetched key set is used without asking again.")
CLIENT_KEYS_AGAIN = Lifetime("copy of a client's keys, key missing", 20, SECOND, "Between two fetches.")

# -- copies and traces ------------------------------------------------------------------------------------------------
ACCOUNT_COPY = Lifetime("copy of an account's generation, claims and grants", 1, HOUR, "In the store; dropped at any change.")
CHANGE_MARK = Lifetime("mark of a change of an account", 5, MINUTE, "While it stands there is no copy; a crash leaves it behind.")
SERVICE_USE = Lifetime("services that an account uses", 90, DAY, "First and last time, without any of them being used.")
ERROR_REFERENCE = Lifetime("reference on a page of trouble", 1, DAY, "`idp explain` tells what happened.")
DELIVERY_REPORT = Lifetime("delivery report", 1, DAY, "What a gateway said became of an SMS.")
STAND_IN_MESSAGE = Lifetime("message of a stand-in", 1, DAY, "The development outbox shows it.")
NOTICE_TRIES = Lifetime("notice to a person, tried", 72, HOUR, "Again and again; later than that a warning helps nobody.")

# -- what `idp retention run` removes ---------------------------------------------------------------------------------
MESSAGES_KEPT = Lifetime("messages to people and services", 30, DAY, "How they went; the words go as soon as they are sent.")
REVOKED_TOKENS_KEPT = Lifetime("revoked refresh tokens", 30, DAY, "After they were revoked.")
ENDINGS_KEPT = Lifetime("what ended before its time", 7, DAY, "Longer than sessions and access tokens live.")
REPLACED_CONTACTS_KEPT = Lifetime("contacts that were replaced", 30, DAY, "Their owner can object to a recovery.")
RECOVERIES_KEPT = Lifetime("recoveries by identity", 60, DAY, "By then every wait and every veto is over.")
REGISTRY_FACTS_KEPT = Lifetime("what the civil registry was asked", 365, DAY, "A blind index and the outcome.")
AUDIT_KEPT = Lifetime("audit events", 548, DAY, "18 months; of an erased account they name the subject alone.")

LIFETIMES: tuple[Lifetime, ...] = tuple(known for known in list(globals().values()) if isinstance(known, Lifetime))


def table() -> str:
    """One Markdown row for each time: what, how long, meaning, source."""
    rows = [f"| {known.name} | {known.in_words} | {known.description} | {known.source} |" for known in LIFETIMES]
    return "\n".join(["| What | How long | Meaning | Source |", "|---|---|---|---|", *rows])
