"""The OpenAPI document, and that responses match it."""

import itertools
import re
from pathlib import Path

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, make_app

ATTACHED = (
    "Subject: hello\r\nX-Tags: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    "--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--b--\r\n"
)


# Clients of MailHog parse any body as JSON, so these have none.
EMPTY_RESPONSES = {
    ("delete", "/api/v1/messages/{id}"),
    ("post", "/api/v1/messages/{id}/release"),
    ("post", "/api/v2/jim"),
    ("put", "/api/v2/jim"),
    ("delete", "/api/v2/jim"),
}


def list_operations(document):
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_openapi_describes_every_route(rest_api):
    document = rest_api.http.get("/openapi.json").json()

    assert document["openapi"].startswith("3.") and rest_api.http.get("/api/v1/swagger.json").json() == document
    names = [route["operationId"] for _, _, route in list_operations(document)]
    assert len(set(names)) == len(names) and "list_messages" in names
    for method, path, route in list_operations(document):
        assert route["summary"] and route["description"].startswith(route["summary"].split()[0]), (method, path)
        assert all(parameter["description"] for parameter in route.get("parameters", [])), (method, path)
        assert all(response["description"] for response in route["responses"].values())
        for status, response in route["responses"].items():
            is_empty = status == "302" or (status < "300" and (method, path) in EMPTY_RESPONSES)
            assert is_empty is (response["content"] == {}), (method, path, status)
            assert all(media_type["schema"] for media_type in response["content"].values()), (method, path, status)
    messages_path = document["paths"]["/api/v1/messages"]
    schema_ref = messages_path["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert schema_ref.endswith("MessagesSummary")
    schema_ref = messages_path["delete"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "IDs" in document["components"]["schemas"][schema_ref.rpartition("/")[2]]["properties"]
    start = next(parameter for parameter in messages_path["get"]["parameters"] if parameter["name"] == "start")
    assert start["schema"]["type"] == "integer"
    assert "HTTPValidationError" not in str(document)


def list_refs(value):
    if isinstance(value, dict):
        found = [ref for member in value.values() for ref in list_refs(member)]
        return [value["$ref"], *found] if "$ref" in value else found
    return [ref for member in value for ref in list_refs(member)] if isinstance(value, list) else []


def test_references_point_into_the_document(rest_api):
    document = rest_api.http.get("/openapi.json").json()
    refs = set(list_refs(document))

    assert len(refs) > 30 and {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} == refs
    assert "$defs" not in str(document)


# Values for the parameters in paths, some of which exist, and bodies.
PATH_VALUES = {
    "id": ("latest", "nothing"),
    "PartID": ("2", "9"),
    "part": ("0", "9"),
    "number": ("1", "99", "x", "9" * 30),
    "tag": ("a", "none"),
    "name": ("greylist", "nothing"),
    "token": ("nothing",),
}
BODIES = (
    "",
    "{",
    "[]",
    "{}",
    '{"Read": 1}',
    '{"IDs": ["x"], "Search": "y"}',
    '{"Name": "b"}',
    '{"RejectSenderChance": 1}',
    '{"From": {"Email": "x"}}',
)
QUERIES = (
    "",
    "?query=hello&timeout=0",
    "?query=hello&delay=0&sort=size&order=asc",
    "?query=%22&count=0&tz=x",
    "?timeout=x&limit=x&start=x",
)


@pytest.mark.slow
def test_responses_match_the_openapi_document(make_rest_api):
    rest_api = make_rest_api()
    document = rest_api.http.get("/openapi.json").json()
    seen = set()
    for method, path, route in list_operations(document):
        names = re.findall(r"\{(\w+)\}", path)
        for values in itertools.product(*(PATH_VALUES[name] for name in names)):
            for body in BODIES if "requestBody" in route else ("",):
                for query in QUERIES:
                    if rest_api.store.get_totals().mails == 0:
                        rest_api.add_mail(ATTACHED)
                    url = path.format(**dict(zip(names, values, strict=True))) + query
                    response = rest_api.http.request(method, url, content=body)
                    if response.status_code == 501:
                        continue  # not implemented
                    documented = route["responses"].get(str(response.status_code))
                    assert documented is not None, (method, url, body, response.status_code, response.text)
                    media_type = response.headers.get("content-type", "").partition(";")[0]
                    documented_types = set(documented["content"])
                    if documented_types or response.content:
                        wildcard = f"{media_type.partition('/')[0]}/*"
                        matches = {media_type, wildcard, "*/*"} & documented_types
                    else:
                        matches = True
                    assert matches, (method, url, response.status_code, media_type, documented_types)
                    seen.add((method, path, response.status_code))
    assert {status for _, _, status in seen} >= {200, 302, 400, 404}
    assert sum(status in (200, 302) for _, _, status in seen) > 30


def test_every_path_is_in_the_docs():
    app = make_app(AppContext(MemoryStore(), MailServer()))
    page = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text("utf-8")

    for path in app.openapi()["paths"]:
        assert re.sub(r"\{\w+\}", "…", path) in re.sub(r"\{\w+\}", "…", page), path
