"""Write `docs/reference/routes.md` from the OpenAPI document of the program.

    python tools/rest_reference.py            # exit with 1 if the page differs from the code
    python tools/rest_reference.py --write    # update the page

The project must be installed with the extra `serve`.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "routes.md"
SCHEMA_PREFIX = "#/components/schemas/"

# The headings of FastAPI's tags, in the order of the page.
SECTIONS = {
    "messages": "Lists of mails",
    "wait": "Waiting",
    "message": "One mail",
    "view": "Views for browsers",
    "send": "Sending",
    "tags": "Tagging",
    "rules": "Rules",
    "chaos": "Chaos",
    "sessions": "SMTP sessions",
    "mailboxes": "Mailboxes",
    "health": "Health",
    "application": "Application",
    "mailhog": "MailHog",
}
# Statuses that nearly all routes have: the page describes them once.
COMMON_STATUSES = ("400", "401", "403", "408", "413", "421", "429", "503", "507")

INTRODUCTION = """\
# Routes of the REST API

This page lists every route with its parameters, request and responses. [REST API](api.md) explains them with examples.
`make pages` generates the page from the OpenAPI document of the program. A running server has the document at
`/openapi.json`, and the documentation site has it as `openapi.json`.

"""


def build_document() -> dict[str, Any]:
    """Return the OpenAPI document of the program."""
    from lazr.smtptest import MailServer
    from lazr.smtptest.store import MemoryStore
    from lazr.smtptest.web import AppContext, make_app

    return make_app(AppContext(MemoryStore(), MailServer())).openapi()


def escape_cell(text: str) -> str:
    """Return a text for a cell of a table, with links to pages.

    >>> escape_cell("A search, see docs/reference/search.md | 1")
    'A search, see [search](search.md) \\\\| 1'
    """
    text = " ".join(text.split()).replace("|", "\\|")
    return re.sub(r"docs/reference/(\w+)\.md", r"[\1](\1.md)", text)


def format_type(schema: Mapping[str, Any]) -> str:
    """Return the type of a JSON Schema; named schemas are links.

    >>> format_type({"type": "array", "items": {"$ref": "#/components/schemas/Link"}})
    'array of [Link](#link)'
    >>> format_type({"anyOf": [{"type": "integer"}, {"type": "null"}]})
    'integer or null'
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(SCHEMA_PREFIX)
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(format_type(part) for part in schema[key]))
    if "allOf" in schema:
        return " and ".join(format_type(part) for part in schema["allOf"])
    if "const" in schema:
        return f"`{schema['const']!r}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"array of {format_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {format_type(schema['additionalProperties'])}"
    return str(kind)


def format_range(schema: Mapping[str, Any]) -> str:
    """Return the limits of a value for the reader, or "".

    >>> format_range({"minimum": 1, "maximum": 1000})
    ', 1 to 1000'
    """
    limits = [schema.get(key) for key in ("minimum", "maximum")]
    low, high = (f"{limit:g}" if limit is not None else None for limit in limits)
    if low and high:
        return f", {low} to {high}"
    return f", at least {low}" if low else f", at most {high}" if high else ""


def format_default(schema: Mapping[str, Any]) -> str:
    """Return the default of a value as code, or ""."""
    default = schema.get("default")
    if default in (None, "", [], {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def render_parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of the parameters of a route."""
    parameters = operation.get("parameters", [])
    if not parameters:
        return
    yield "| parameter | in | type | default | |\n|---|---|---|---|---|\n"
    for parameter in parameters:
        schema = parameter["schema"]
        text = escape_cell(parameter.get("description") or schema.get("description") or "")
        kind = format_type(schema) + format_range(schema)
        yield f"| `{parameter['name']}` | {parameter['in']} | {kind} | {format_default(schema)} | {text} |\n"
    yield "\n"


def render_content(content: Mapping[str, Any]) -> str:
    """Return the media types of a body with the type of each."""
    parts = []
    for media_type, value in content.items():
        schema = value.get("schema") or {}
        kind = format_type(schema) if schema else ""
        is_plain = not kind or kind in {"string", "any value"}
        parts.append(f"`{media_type}`" if is_plain else f"{kind} as `{media_type}`")
    return ", ".join(parts)


def render_responses(operation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the list of the responses of a route; common ones only by their status."""
    common = []
    for status, response in operation["responses"].items():
        content = render_content(response.get("content", {}))
        if status in COMMON_STATUSES and content in ("", "`text/plain`"):
            common.append(status)
            continue
        description = response.get("description", "")
        text = "" if description in ("Successful Response", "Not Found") else escape_cell(description)
        yield f"- **{status}** " + (": ".join(part for part in (content, text) if part) or "without a body") + "\n"
    if common:
        yield f"- {', '.join(common)}: see [errors](#errors)\n"


def render_description(operation: Mapping[str, Any]) -> str:
    """Return the description of a route, in paragraphs."""
    paragraphs = operation.get("description", operation.get("summary", "")).split("\n\n")
    return "\n\n".join(
        "\n".join(_link_pages(" ".join(line.split())) for line in paragraph.splitlines())
        if paragraph.lstrip().startswith("- ")
        else _link_pages(" ".join(paragraph.split()))
        for paragraph in paragraphs
    )


def _link_pages(text: str) -> str:
    return escape_cell(text).replace("\\|", "|")


def render_routes(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections with the routes."""
    routes: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["application"])[0]
            parts = [f"### {method.upper()} {path}\n\n{render_description(operation)}\n\n"]
            parts += render_parameters(operation)
            if "requestBody" in operation:
                optional = "" if operation["requestBody"].get("required") else " It may be left out."
                parts.append(f"Request body: {render_content(operation['requestBody']['content'])}.{optional}\n\n")
            parts += [*render_responses(operation), "\n"]
            routes.setdefault(tag, []).append("".join(parts))
    for tag in sorted(routes, key=lambda tag: list(SECTIONS).index(tag) if tag in SECTIONS else len(SECTIONS)):
        yield f"## {SECTIONS.get(tag, tag.capitalize())}\n\n" + "".join(routes[tag])


def render_errors(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of the common error responses."""
    texts: dict[str, Counter[str]] = {status: Counter() for status in COMMON_STATUSES}
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status in texts and render_content(response.get("content", {})) in ("", "`text/plain`"):
                    texts[status][response["description"]] += 1
    yield "## Errors\n\nThe body of an error is a text, unless the route says otherwise.\n\n"
    yield "| status | |\n|---|---|\n"
    for status, found in texts.items():
        if found:
            yield f"| {status} | {escape_cell(found.most_common(1)[0][0])} |\n"
    yield "\n"


def render_schemas(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section with the schemas."""
    yield "## Schemas\n\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name}\n\n"
        if schema.get("description"):
            yield render_description(schema) + "\n\n"
        fields = schema.get("properties")
        if not fields:
            yield f"Type: {format_type(schema)}.\n\n"
            continue
        required = schema.get("required", [])
        yield "| field | type | required | default | |\n|---|---|---|---|---|\n"
        for field, value in fields.items():
            text = escape_cell(value.get("description", ""))
            kind = format_type(value) + format_range(value)
            yield f"| `{field}` | {kind} | {'yes' if field in required else ''} | {format_default(value)} | {text} |\n"
        yield "\n"


def render_page() -> str:
    """Return the page."""
    document = build_document()
    parts = (render_routes(document), render_errors(document), render_schemas(document))
    return INTRODUCTION + "".join(text for part in parts for text in part).rstrip("\n") + "\n"


def main(arguments: list[str]) -> int:
    """Check the page, or write it with `--write`; return the exit status."""
    expected = render_page()
    if PAGE.exists() and PAGE.read_text("utf-8") == expected:
        return 0
    if "--write" in arguments:
        PAGE.write_text(expected, "utf-8")
        return 0
    print("docs/reference/routes.md is out of date; run: python tools/rest_reference.py --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
