"""Tokens: issued, kept, read, ended (RFC 6749 sections 3.2, 5 and 6; RFC 7009, RFC 7662)."""
