"""The recipes of `docs/how-to/cookbook.md`."""
