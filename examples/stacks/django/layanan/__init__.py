"""A service on Django: signs people in with SIAPkerja ID, greets them, and signs them out everywhere."""
