"""Put `openapi.json`, the description of the REST API, into the site."""

import json
from pathlib import Path

from tools.rest_reference import build_document


def write_document(app, error):
    """Write the document next to the pages of a finished build."""
    if error is None and app.builder.format == "html":
        path = Path(app.outdir) / "openapi.json"
        path.write_text(json.dumps(build_document(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def setup(app):
    app.connect("build-finished", write_document)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
