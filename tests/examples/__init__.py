"""Examples of the documentation, each of which runs as a test."""
