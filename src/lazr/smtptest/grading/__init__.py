"""Grade a client: run it against servers with many behaviors, and judge it."""
