"""Clients that we did not write, as real processes against the served provider."""
