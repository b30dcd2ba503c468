"""The tables' history; `idp db upgrade` runs it."""
