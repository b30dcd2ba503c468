"""One-time codes: six digits sent to a contact."""
