"""Single sign-on sessions, and the browsers that an account is used in."""
