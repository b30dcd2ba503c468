"""Storage: SQL, Redis, sealing of personal data, and migrations."""
