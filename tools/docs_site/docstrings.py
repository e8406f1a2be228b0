"""Translate docstrings for Sphinx: they are plain text with `code` in backticks, and Sphinx reads reStructuredText."""

import re
import sys

# A span of code may go on in the next line of its paragraph, but not over an empty line.
_CODE = re.compile(r"`((?:[^`\n]|\n(?!\s*\n))+)`")
# The names of members that modules leave out of completions, too.
_INNER_GROUPS = ("_INNER_NAMES", "_SERVER_METHODS")
# The names of the sections that napoleon reads.
_SECTION = re.compile(r"^\s*(?:Args|Raises|Returns|Yields|Attributes):$")
_PYTHON = re.compile(r"\s*(?:@|def |class |from |import |with )")
_ITEM = re.compile(r"^\s*- ")
_ARGUMENT = re.compile(r"^(\s*)(\*{1,2})(\w+)(: .*)$")


def escape(text):
    """Escape what reStructuredText takes for markup in plain text.

    >>> escape("a*b*, from_ and c|d")
    'a\\\\*b\\\\*, from\\\\_ and c\\\\|d'
    """
    text = re.sub(r"([\\*|])", r"\\\1", text)
    return re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)


def translate_prose(text):
    """Return plain text with backticks as reStructuredText.

    >>> translate_prose("The `Tls`s of a server; `from_` and *args.")
    'The ``Tls``\\\\ s of a server; ``from_`` and \\\\*args.'
    """
    parts = _CODE.split(text)
    translated = [escape(parts[0])]
    for code, after in zip(parts[1::2], parts[2::2], strict=True):
        # A line break in the code would become an error if the next line had another indentation.
        translated.append(f"``{' '.join(code.split())}``" if code.strip() == code else f"``{code.strip()}``")
        translated.append(("\\ " if after[:1].isalnum() else "") + escape(after))
    return "".join(translated)


def split_blocks(lines):
    """Yield the blocks of a docstring: whether it is an example or code, and its lines.

    An example begins with `>>>` and ends with an empty line.  Code is indented by four more columns than the text
    before it, after an empty line.
    """
    block, is_code = [], False
    text_indent = 0
    after_blank = True
    for line in lines:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if not stripped:
            yield is_code, block
            yield False, [""]
            block, is_code, after_blank = [], False, True
            continue
        if after_blank:
            is_code = stripped.startswith(">>>") or (indent >= text_indent + 4 and not _ITEM.match(line))
        elif stripped.startswith(">>>") and not is_code:
            yield is_code, block
            yield False, [""]
            block, is_code = [], True
        if not is_code:
            text_indent = indent + (4 if _SECTION.match(line) else 0)
        block.append(line)
        after_blank = False
    yield is_code, block


def translate(lines):
    """Return the lines of a docstring as reStructuredText."""
    result, is_in_code = [], False
    for is_code, block in split_blocks(lines):
        if not block:
            continue
        if is_code:
            if not block[0].lstrip().startswith(">>>") and not is_in_code:
                indent = re.match(r"\s*", block[0])[0][4:]
                language = "python" if _PYTHON.match(block[0]) else "text"
                result += [f"{indent}.. code-block:: {language}", ""]
                is_in_code = True
            result += block
        else:
            if block != [""]:
                is_in_code = False
            result += _translate_text(block)
    return result


def _translate_text(block):
    """Translate lines without examples; a list and an argument keep their marks."""
    result = []
    paragraph = []

    def flush():
        if paragraph:
            result.extend(translate_prose("\n".join(paragraph)).split("\n"))
            paragraph.clear()

    for line in block:
        argument = _ARGUMENT.match(line)
        if _ITEM.match(line):
            previous = paragraph[-1] if paragraph else result[-1] if result else ""
            flush()
            if previous.strip() and not _ITEM.match(previous) and not _is_continuation(line, previous):
                result.append("")
            paragraph.append(line)
        elif argument:
            flush()
            indent, stars, name, text = argument.groups()
            result += [f"{indent}{stars}{line_part}" for line_part in [name + translate_prose(text)]]
        else:
            paragraph.append(line)
    flush()
    return result


def _is_continuation(line, previous):
    """Return whether the line before a list item is the second line of another item."""
    return len(previous) - len(previous.lstrip()) == len(line) - len(line.lstrip()) + 2


def process_docstring(app, what, name, obj, options, lines):  # noqa: PLR0917 - Sphinx's signature
    """Translate a docstring that autodoc has read."""
    lines[:] = translate(lines)


def skip_member(app, what, name, obj, skip, options):  # noqa: PLR0917 - Sphinx's signature
    """Leave out fields of named tuples, which `Args` of the class describes, and methods that only the server calls."""
    function = getattr(obj, "fget", obj)
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    inner_names = {name for group in _INNER_GROUPS for name in getattr(module, group, ())}
    is_field = (getattr(obj, "__doc__", None) or "").startswith("Alias for field number")
    return True if is_field or name in inner_names else None


def setup(app):
    app.connect("autodoc-process-docstring", process_docstring, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip_member)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
