"""Identity proofing: who somebody is, by the civil registry."""
