"""Generators of clients read the OpenAPI document without warnings, and a generated client works."""

import json
import re
from pathlib import Path

import pytest

from tests.helpers.third_party_clients import (
    NODE_MODULES,
    TESTS,
    find_python_of_clients,
    require_installed,
    run_client,
    run_node_client,
)
from tests.web.api.test_openapi import list_operations

# openapi-python-client knows JSON, text and bytes only; this is its documented way to name the type of other content.
GENERATOR_CONFIG = {
    "content_type_overrides": {
        "application/x-pem-file": "application/octet-stream",
        "image/jpeg": "application/octet-stream",
        "image/svg+xml": "application/octet-stream",
    },
    "post_hooks": [],
}


@pytest.fixture
def document(rest_api, tmp_path):
    """The OpenAPI document, and the path of a file with it."""
    response = rest_api.http.get("/openapi.json")
    path = tmp_path / "openapi.json"
    path.write_bytes(response.content)
    return response.json(), path


@pytest.mark.slow
def test_openapi_typescript_writes_types_that_compile(document, tmp_path):
    content, path = document
    require_installed((NODE_MODULES / "openapi-typescript").exists(), "openapi-typescript (npm)")
    target = tmp_path / "api.ts"
    run_client("node", str(NODE_MODULES / "openapi-typescript" / "bin" / "cli.js"), str(path), "--output", str(target))
    text = target.read_text("utf-8")

    assert [name for name in content["paths"] if f'"{name}": {{' not in text] == []
    # A body of the right type compiles, and a wrong one does not.
    for value, compiles in (("[{ Email: 'bob@example.com' }]", True), ("[{ Email: 1 }]", False)):
        check = tmp_path / "check.ts"
        check.write_text(
            'import type { paths } from "./api";\n'
            'type Body = paths["/api/v1/send"]["post"]["requestBody"]["content"]["application/json"];\n'
            f"export const body: Body = {{ From: {{ Email: 'ann@example.com' }}, To: {value} }};\n",
            "utf-8",
        )
        command = ("node", str(NODE_MODULES / "typescript" / "bin" / "tsc"), "--noEmit", "--strict", str(check))
        if compiles:
            run_client(*command)
        else:
            with pytest.raises(Exception, match="TS2322"):
                run_client(*command)


def test_swagger_parser_accepts_the_document(document):
    content, path = document
    output = run_node_client("@apidevtools/swagger-parser", "swagger-parser.cjs", str(path))

    assert json.loads(output) == [len(content["paths"]), len(content["components"]["schemas"])]


@pytest.mark.slow
def test_openapi_python_client_generates_all_routes(rest_api, document, tmp_path):
    content, path = document
    python = find_python_of_clients("openapi_python_client")
    config, package = tmp_path / "config.json", tmp_path / "generated"
    config.write_text(json.dumps(GENERATOR_CONFIG), "utf-8")
    output = run_client(
        str(Path(python).with_name("openapi-python-client")), "generate", "--path", str(path), "--config", str(config),
        "--output-path", str(package), "--meta", "none", "--fail-on-warning",
    )  # fmt: skip

    assert "WARNING" not in output and "Unable" not in output
    generated = {file.stem for file in package.glob("api/*/*.py")} - {"__init__"}
    assert generated == {operation["operationId"] for _, _, operation in list_operations(content)}
    script = str(TESTS / "clients" / "generated_client.py")
    results = json.loads(run_client(python, script, rest_api.web.url, PYTHONPATH=str(tmp_path)))
    assert re.fullmatch(r"\w+", results.pop("ID"))
    assert results == {
        "Subject": "Hello",
        "To": "bob@example.com",
        "Total": 1,
        "Part": "%PDF",
        "Error": "invalid From address: nobody",
        "Deleted": "ok",
    }
