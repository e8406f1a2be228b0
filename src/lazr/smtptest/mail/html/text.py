"""The text of HTML, in lines, as somebody would read it aloud; and the links in it."""

from __future__ import annotations

import re

from lazr.smtptest.mail.html.tokens import Tag, attributes, tokens, unescaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["rendered"]

# So many line ends does a tag make at least, before and behind its element.
_LINES = {
    2: "p h1 h2 h3 h4 h5 h6 ul ol dl pre blockquote figure table hr form fieldset",
    1: "div tr li dt dd section article header footer main nav aside address center caption thead tbody tfoot body "
    "head figcaption details summary legend option",
}
_LINES_OF = {name: lines for lines, names in _LINES.items() for name in names.split()}
_CELLS = frozenset({"td", "th"})
_VOID = frozenset(re.findall(r"\w+", "area base br col embed hr img input link meta param source track wbr"))
# What readers do not see.
_UNSEEN = frozenset(re.findall(r"\w+", "script style title textarea xmp iframe noembed noframes head template"))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_MAY_HIDE = re.compile(r"none|hid", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
# Senders fill up the preview of a mail with these.
_INVISIBLE = dict.fromkeys(map(ord, "\N{COMBINING GRAPHEME JOINER}\N{SOFT HYPHEN}\u200b\ufeff"))
_URL_NOISE = dict.fromkeys(map(ord, "\t\r\n"))


class _Writer:
    """Lines of text, with white space collapsed as a browser does."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._lines = 2  # line ends since the last word; none are made at the beginning
        self._space = False

    def text(self, text: str) -> None:
        text = _SPACES.sub(" ", text.translate(_INVISIBLE))
        if not text or (text == " " and self._lines):
            return
        if self._lines:
            text = text.lstrip(" ")
        elif self._space and not text.startswith(" "):
            self._out.append(" ")
        self._space = text.endswith(" ")
        self._out.append(text.removesuffix(" "))
        self._lines = 0

    def verbatim(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
        self._out.append(text)
        self._lines = len(text) - len(text.rstrip("\n"))
        self._space = False

    def space(self) -> None:
        self._space = not self._lines

    def lines(self, least: int) -> None:
        if self._lines < least:
            self._out.append("\n" * (least - self._lines))
            self._lines = least
        self._space = False

    def line(self) -> None:
        if self._out:
            self._out.append("\n")
            self._lines += 1
        self._space = False

    def all(self) -> str:
        text = "".join(self._out).strip("\n")
        text = "\n".join(line.rstrip() for line in text.split("\n"))
        return text + "\n" if text.strip() else ""


class _Anchors:
    """The links so far, and the one whose text comes now."""

    def __init__(self) -> None:
        self._all: list[tuple[str, list[str]]] = []
        self._open: list[str] | None = None

    def text(self, text: str) -> None:
        if self._open is not None:
            self._open.append(text)

    def tag(self, tag: Tag) -> None:
        if tag.name == "a":
            self._open = None
        if tag.is_end or tag.name not in {"a", "area", "img"}:
            return
        found = attributes(tag.rest)
        alternative = found.get("alt", "")
        if tag.name == "img":
            self.text(alternative)
        elif "href" in found:
            texts = [alternative] if tag.name == "area" else []
            self._all.append((found["href"].translate(_URL_NOISE).strip(), texts))
            if tag.name == "a":
                self._open = texts

    def all(self) -> list[tuple[str, str]]:
        return [(url, _SPACES.sub(" ", "".join(texts)).strip()) for url, texts in self._all]


class _Sight:
    """Whether a reader sees what comes now; what hides it is an element that is not over."""

    def __init__(self) -> None:
        self._name = ""
        self._depth = 0

    def __bool__(self) -> bool:
        return not self._name

    def tag(self, tag: Tag) -> bool:
        """Take note of a tag; whether it is seen itself."""
        if not self._name:
            if not tag.is_end and tag.name not in _VOID and (tag.name in _UNSEEN or _is_hidden(tag)):
                self._name, self._depth = tag.name, 1
                return False
            return True
        if tag.name == self._name:
            self._depth += -1 if tag.is_end else 1
            if not self._depth:
                self._name = ""
        elif self._name == "head" and tag.name == "body":
            self._name = ""  # a head that is not closed ends where the body begins
        return False


def rendered(html: str, note: Note) -> tuple[str, list[tuple[str, str]]]:
    r"""The text, and the links (`a` and `area`) as URL and text.

    >>> rendered("<h1>Hi</h1><p>Please<br><a href='https://e.test/?a&amp;b'>confirm</a></p><ul><li>one</ul>", print)
    ('Hi\n\nPlease\nconfirm\n\n- one\n', [('https://e.test/?a&b', 'confirm')])
    """
    writer, anchors, seen = _Writer(), _Anchors(), _Sight()
    pre = 0
    for token in tokens(html, note):
        if isinstance(token, str):
            text = unescaped(token)
            anchors.text(text)
            if seen:
                (writer.verbatim if pre else writer.text)(text)
            continue
        anchors.tag(token)
        name = token.name
        if not seen.tag(token):
            continue
        if name == "br":
            writer.line()
        elif name in _CELLS:
            writer.space()
        elif name in _LINES_OF:
            writer.lines(_LINES_OF[name])
            if name == "li" and not token.is_end:
                writer.text("-")
                writer.space()
            elif name == "pre":
                pre = max(0, pre + (-1 if token.is_end else 1))
    return writer.all(), anchors.all()


def _is_hidden(tag: Tag) -> bool:
    if not tag.rest or _MAY_HIDE.search(tag.rest) is None:
        return False
    found = attributes(tag.rest)
    return "hidden" in found or _HIDDEN.search(found.get("style", "")) is not None
