"""Highlight examples that begin with `>>>`, and let the copy button leave out their prompts and output.

The pages indent these examples, so that doctest and repository browsers read them; Markdown has no place there for the
name of a language.  Directly after a list, an indented example is a part of the last item, where `>>>` begins a
quotation; the build warns, because the page would show no code.
"""

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)


def find_quoted_examples(document):
    """Return the quotations within quotations within quotations: what Markdown makes of `>>>` outside code."""
    return [
        quote
        for quote in document.findall(nodes.block_quote)
        if isinstance(quote.parent, nodes.block_quote) and isinstance(quote.parent.parent, nodes.block_quote)
    ]


class InteractiveExamples(SphinxTransform):
    """Give each block of code that begins with a prompt the language of the interactive interpreter."""

    default_priority = 5

    def apply(self):
        for block in self.document.findall(nodes.literal_block):
            if block.get("language") in {"none", "default", "python"} and block.astext().startswith(">>>"):
                block["language"] = "pycon"
        for quote in find_quoted_examples(self.document):
            logger.warning(
                "an example after a list is shown as a quotation; put it between ```pycon and ```",
                location=quote,
                type="interactive_examples",
            )


def setup(app):
    app.add_transform(InteractiveExamples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
