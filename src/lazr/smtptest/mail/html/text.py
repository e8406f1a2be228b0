"""The text of HTML, in lines, as somebody would read it aloud; and the links in it."""

from __future__ import annotations

import re
from collections import defaultdict

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
_IN_HEAD = frozenset(
    re.findall(r"\w+", "base basefont bgsound link meta noframes noscript script style template title")
)
# What an end tag, or a start tag that ends others, does not reach out of.
_TABLE = ("table", "template")
_FENCES = (*_TABLE, "td", "th", "caption")
_NOT_OUT_OF: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["table", "caption", "colgroup", "thead", "tbody", "tfoot", "tr", "td", "th"], _TABLE),
    "template": (),
    "li": (*_FENCES, "ul", "ol"),
}
_ENDS_P = re.findall(
    r"\w+",
    """
    address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 h4
    h5 h6 header hgroup hr listing main menu nav ol p plaintext pre search section summary table ul xmp
    """,
)
# The elements that are more than a span of text, under names that no tag has; a list's item sees through some of them.
_SPECIAL, _SPECIAL_TO_ITEMS = " special", " special to items"
_ARE_SPECIAL = {
    *_ENDS_P,
    *_NOT_OUT_OF,
    *re.findall(r"\w+", "body button dd dt head html li marquee noscript object select"),
}
_SEEN_THROUGH = frozenset({"address", "div", "p"})
_GROUPS = {
    name: (_SPECIAL,) if name in _SEEN_THROUGH else (_SPECIAL, _SPECIAL_TO_ITEMS) for name in sorted(_ARE_SPECIAL)
}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_FORMATS = frozenset(re.findall(r"\w+", "a b big code em font i nobr s small strike strong tt u"))
_P = ("p", _FENCES)
_CELL = tuple((name, _TABLE) for name in ("td", "th"))
_ROW = (*_CELL, ("tr", _TABLE))
_ROWS = (*_ROW, *((name, _TABLE) for name in ("caption", "colgroup", "thead", "tbody", "tfoot")))
# Which open elements a start tag ends, and what must not be open within them.
_ENDED_BY: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    **dict.fromkeys(_ENDS_P, (_P,)),
    "li": (("li", (_SPECIAL_TO_ITEMS,)), _P),
    **dict.fromkeys(("dt", "dd"), (("dt", (_SPECIAL_TO_ITEMS,)), ("dd", (_SPECIAL_TO_ITEMS,)), _P)),
    "option": (("option", (*_FENCES, "select")),),
    "optgroup": (("optgroup", (*_FENCES, "select")), ("option", (*_FENCES, "select"))),
    **dict.fromkeys(("td", "th"), _CELL),
    "tr": _ROW,
    **dict.fromkeys(("caption", "colgroup", "thead", "tbody", "tfoot"), _ROWS),
}
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
    """Whether a reader sees what comes now: the elements that are open, and which of them hides what is in it.

    Those whose end tag may be left out end where WHATWG HTML 13.2.6 says, and each with the one that it is in.  Where
    the elements of a name are is known, so that a tag takes no longer the deeper it is.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._hidden = -1  # the place of the outermost that hides

    def __bool__(self) -> bool:
        return self._hidden < 0

    def tag(self, tag: Tag) -> bool:
        """Take note of a tag; whether it is seen itself."""
        name = tag.name
        if tag.is_end:
            fences = _FENCES if name in _ARE_SPECIAL or name in _FORMATS else (_SPECIAL,)
            names = _HEADINGS if name in _HEADINGS else (name,)  # one heading's end tag ends any other
            place = max(self._innermost(one, _NOT_OUT_OF.get(one, fences)) for one in names)
            was = self._hidden
            if place >= 0 and name not in {"body", "html"}:  # 13.2.6.4.7: what comes behind these is in them still
                self._end(place)
            return self._hidden < 0 and (was < 0 or was != place)
        self._end_others(name)
        seen = self._hidden < 0
        if name in _VOID:
            return seen
        if seen and (name in _UNSEEN or _is_hidden(tag)):
            self._hidden = len(self._open)
        for one in (name, *_GROUPS.get(name, ())):
            self._places[one].append(len(self._open))
        self._open.append(name)
        return self._hidden < 0

    def text(self, text: str) -> None:
        """Take note of text: a head whose end tag is left out ends with the first."""
        if self._hidden >= 0 and self._open[-1] == "head" and not text.isspace():
            self._end(len(self._open) - 1)

    def _end_others(self, name: str) -> None:
        """End those that a start tag ends (13.2.6.4.4, 13.2.6.4.7 and further)."""
        if name not in _IN_HEAD and self._open and self._open[-1] == "head":
            self._end(len(self._open) - 1)
        for ended, fences in _ENDED_BY.get(name, ()):
            place = self._innermost(ended, fences)
            if place >= 0:
                self._end(place)
        if name in _HEADINGS and self._open and self._open[-1] in _HEADINGS:
            self._end(len(self._open) - 1)

    def _innermost(self, name: str, fences: tuple[str, ...]) -> int:
        """The place of the innermost open element of that name; -1 where there is none, or only outside a fence."""
        place = self._last(name)
        return place if place >= 0 and all(self._last(fence) <= place for fence in fences) else -1

    def _last(self, name: str) -> int:
        places = self._places[name]
        return places[-1] if places else -1

    def _end(self, place: int) -> None:
        for name in self._open[place:]:
            for one in (name, *_GROUPS.get(name, ())):
                self._places[one].pop()
        del self._open[place:]
        if place <= self._hidden:
            self._hidden = -1


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
            seen.text(text)
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
