"""Find what most parsers read in a mail, value by value.

`describe_answer` brings the answer of a reader into the form that is compared and stored.  `find_consensus` lets the
readers vote.
"""

from __future__ import annotations

import hashlib
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

MIN_VOTES = 2
FIELDS = ("subject", "from", "to", "date", "text", "html")


def normalize_space(text: str | None) -> str:
    """Return a text with one space for each run of white space."""
    return " ".join((text or "").split())


def normalize_attachments(attachments: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the compared values of attachments, with types in lower case."""
    return [
        {"filename": one["filename"] or "", "type": one["type"].lower(), "size": one["size"], "sha256": one["sha256"]}
        for one in attachments or []
    ]


def describe_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an answer without differences that are matters of taste.

    Runs of white space are one space.  Addresses are in lower case.  HTML is a number of characters and a digest.
    """
    html = normalize_space(answer.get("html"))
    digest = hashlib.sha256(html.encode("utf-8", "replace")).hexdigest()
    return {
        "subject": normalize_space(answer.get("subject")),
        "from": [str(address).lower() for address in answer.get("from") or []],
        "to": [str(address).lower() for address in answer.get("to") or []],
        "date": answer.get("date"),
        "text": normalize_space(answer.get("text")),
        "html": {"characters": len(html), "sha256": digest} if html else None,
        "attachments": normalize_attachments(answer.get("attachments")),
    }


def find_consensus(answers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the value that most answers have, for each field; fields without a majority are in "undecided".

    A majority is more votes than each other value has, and at least two.  Attachments are compared in two steps: their
    names and types together, then the content of each among the readers that agree about the names and types.
    """
    described = [describe_answer(answer) for answer in answers if "error" not in answer]
    entry: dict[str, Any] = {}
    undecided = []
    for field in FIELDS:
        winners = _find_winners(described, lambda one, field=field: one[field])  # type: ignore[misc]
        entry[field] = winners[0][field] if winners else None
        if not winners:
            undecided.append(field)
    winners = _find_winners(described, lambda one: [[file["filename"], file["type"]] for file in one["attachments"]])
    entry["attachments"] = []
    if not winners:
        undecided.append("attachments")
    for index in range(len(winners[0]["attachments"]) if winners else 0):
        files = [one["attachments"][index] for one in winners]
        agreed = _find_winners(files, lambda file: [file["size"], file["sha256"]])
        entry["attachments"].append(agreed[0] if agreed else {**files[0], "size": None, "sha256": None})
        if not agreed:
            undecided.append(f"attachments[{index}]")
    return {**entry, "undecided": undecided}


def _find_winners(candidates: list[dict[str, Any]], key: Callable[[dict[str, Any]], object]) -> list[dict[str, Any]]:
    """Return the candidates with the most frequent value; none if there is no majority."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for candidate in candidates:
        groups.setdefault(json.dumps(key(candidate), sort_keys=True), []).append(candidate)
    ordered = sorted(groups.values(), key=len, reverse=True)
    if not ordered or len(ordered[0]) < MIN_VOTES or (len(ordered) > 1 and len(ordered[1]) == len(ordered[0])):
        return []
    return ordered[0]
