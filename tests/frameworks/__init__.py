"""Frameworks in other languages: the example programs of examples/frameworks, with a real server."""
