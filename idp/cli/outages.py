"""What an operator is told when a store is away, refuses us or has other tables: one sentence with the cure."""

from sqlalchemy.exc import DBAPIError

# By SQLSTATE (PostgreSQL, appendix A).
REFUSED = {
    "28P01": "The database refuses the password: correct it in IDP_DATABASE_URL.",
    "28000": "The database refuses this user from this host: correct IDP_DATABASE_URL, or its pg_hba.conf.",
    "3D000": "The database server has no such database: create it, or correct the name in IDP_DATABASE_URL.",
    "42501": "The database user may not do this: make it the owner of its tables (ALTER TABLE … OWNER TO …).",
    "25006": "The database is read-only: point IDP_DATABASE_URL at the primary, not at a standby.",
    "53300": "The database has no connection left: raise max_connections, or lower IDP_WORKERS (16 connections each).",
}
LACKS_TABLES = "The database lacks its tables, or has them of an older version: run `idp db upgrade`."
NO_DATABASE = "The file of IDP_DATABASE_URL is no SQLite database: name another file, or restore it."
# What libpq says before there is a SQLSTATE.
WORDS = (
    ("password authentication failed", REFUSED["28P01"]),
    ("no password supplied", REFUSED["28P01"]),
    ("Peer authentication failed", REFUSED["28000"]),
    ("no pg_hba.conf entry", REFUSED["28000"]),
    ("does not exist", REFUSED["3D000"]),
    ("too many", REFUSED["53300"]),
    ("no such table", LACKS_TABLES),
    ("no such column", LACKS_TABLES),
    ("readonly database", "The SQLite file cannot be written: run this as the user that it belongs to."),
    ("unable to open database file", "The SQLite file cannot be opened: run this as the user that its directory belongs to."),
    ("file is not a database", NO_DATABASE),
    ("malformed", NO_DATABASE),
)
AWAY = "The database does not answer: start it, or correct IDP_DATABASE_URL."


def database_sentence(error: DBAPIError) -> str:
    """Why SQL failed, as far as the database said so; never its own words, which may hold data."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in ("42P01", "42703"):
        return LACKS_TABLES
    words = str(error.orig)
    return REFUSED.get(state) or next((sentence for said, sentence in WORDS if said in words), AWAY)


def store_sentence(why: str) -> str:
    """Why Redis failed, by the reason that StoreUnavailable carries."""
    if why in ("AuthenticationError", "AuthenticationWrongNumberOfArgsError", "NoPermissionError"):
        return "Redis refuses the password: correct it in IDP_REDIS_URL (redis://:PASSWORD@HOST:6379/0)."
    if why in ("OOM", "OutOfMemoryError"):
        return "Redis is full: raise its maxmemory (CONFIG GET maxmemory); nothing may be evicted (noeviction)."
    if why in ("READONLY", "ReadOnlyError", "MASTERDOWN", "MasterDownError"):
        return "Redis is a replica here: point IDP_REDIS_URL at the master, or use redis+sentinel://."
    return "The store does not answer: start Redis, or correct IDP_REDIS_URL."
