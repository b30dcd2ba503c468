"""What everything stands on: the clock, values, settings, languages and cryptographic primitives."""
