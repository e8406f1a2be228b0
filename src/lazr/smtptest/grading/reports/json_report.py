"""Write grades as JSON, which `--baseline` and other programs read."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.grading.result import Grades

__all__ = ["render_json"]


def render_json(grades: Grades) -> str:
    """Return the grades as a JSON document in ASCII, with a line end.

    The member `schema` is the version of the format.
    """
    return json.dumps(grades.to_dict(), indent=2) + "\n"
