"""The fixture of a server with the middleware stack."""

from tests.helpers.guarded_app import guarded

__all__ = ["guarded"]
