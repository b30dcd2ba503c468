"""The corridor: an authorization request while it waits in our pages, and the rooms along the way."""
