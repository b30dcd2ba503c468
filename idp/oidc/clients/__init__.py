"""Clients: registered in clients.yaml or by themselves, authenticated, and what they may do."""
