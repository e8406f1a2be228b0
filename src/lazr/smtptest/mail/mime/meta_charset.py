"""Find the charset that HTML names (WHATWG HTML 13.2.3.2).

A `meta` element names it, or an XML declaration.
"""

from __future__ import annotations

import re

__all__ = ["find_meta_charset"]

_MAX_SEARCHED_BYTES = 4_096  # browsers search 1,024, but the heads of mails are long
_META_OR_COMMENT = re.compile(r"<!--.*?-->|<meta[\s/]([^>]*)", re.DOTALL | re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""")
_CONTENT_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s;"']+)""", re.IGNORECASE)

_XML_ENCODING = re.compile(r"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]+)["']""")


def find_meta_charset(html: bytes) -> str:
    """Return the name of the charset; the empty string if there is none.

    >>> find_meta_charset(b'<meta http-equiv=Content-Type content="text/html; charset=koi8-r">')
    'koi8-r'
    """
    for match in _META_OR_COMMENT.finditer(html[:_MAX_SEARCHED_BYTES].decode("latin-1")):
        if match[1] is None:
            continue
        attributes: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(match[1]):
            attributes.setdefault(found[1].lower(), found[2] or found[3] or found[4] or "")
        charset = attributes.get("charset", "").strip()
        if not charset and attributes.get("http-equiv", "").strip().lower() == "content-type":
            content = _CONTENT_CHARSET.search(attributes.get("content", ""))
            charset = content[1] if content else ""
        if charset:
            # A `meta` element that can be read is not in UTF-16, whatever it names.
            return "utf-8" if charset.lower().startswith("utf-16") else charset
    declaration = _XML_ENCODING.match(html[:_MAX_SEARCHED_BYTES].decode("latin-1").lstrip())
    return "" if declaration is None else declaration[1].strip()
