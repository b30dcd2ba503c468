"""Limits: counting and admission."""
