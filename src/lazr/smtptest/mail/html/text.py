"""Render HTML as plain text, in lines, and collect its links."""

from __future__ import annotations

import re
from collections import defaultdict

from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, resolve_references, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["render_text"]

# The minimum number of line ends before and after an element.
_TAGS_BY_LINE_ENDS = {
    2: "p h1 h2 h3 h4 h5 h6 ul ol menu dir dl pre listing blockquote figure table hr form fieldset",
    1: "div tr li dt dd section article header footer main nav aside address center caption thead tbody tfoot body "
    "head hgroup search dialog figcaption details summary legend option optgroup",
}
_LINE_ENDS_BY_TAG = {name: lines for lines, names in _TAGS_BY_LINE_ENDS.items() for name in names.split()}
_CELL_ELEMENTS = frozenset({"td", "th"})
_LIST_ELEMENTS = frozenset({"ul", "ol", "menu", "dir"})
_LIST_INDENT = "  "
_LIST_START = re.compile("-?[0-9]{1,9}")
_MAX_LIST_DEPTH = 20  # deeper lists are indented no further
_PREFORMATTED_ELEMENTS = frozenset({"pre", "listing"})
_VOID_ELEMENTS = frozenset(re.findall(r"\w+", "area base br col embed hr img input link meta param source track wbr"))
# Elements that a browser does not show.
_INVISIBLE_ELEMENTS = frozenset(
    re.findall(r"\w+", "script style title textarea xmp iframe noembed noframes head template datalist rp")
)
_HEAD_ELEMENTS = frozenset(
    re.findall(r"\w+", "base basefont bgsound link meta noframes noscript script style template title")
)
# The boundaries that limit the effect of an end tag, or of a start tag that implies one.
_TABLE_SCOPE = ("table", "template")
_DEFAULT_SCOPE = (*_TABLE_SCOPE, "td", "th", "caption")
_SCOPES_BY_TAG: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["table", "caption", "colgroup", "thead", "tbody", "tfoot", "tr", "td", "th"], _TABLE_SCOPE),
    "template": (),
    "li": (*_DEFAULT_SCOPE, "ul", "ol"),
}
_P_ENDING_ELEMENTS = re.findall(
    r"\w+",
    """
    address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 h4
    h5 h6 header hgroup hr listing main menu nav ol p plaintext pre search section summary table ul xmp
    """,
)
# The special elements of WHATWG HTML 13.2.4.2, as category names that no tag has; list items ignore some of them.
_SPECIAL, _SPECIAL_FOR_LIST_ITEMS = " special", " special to items"
_SPECIAL_ELEMENTS = {
    *_P_ENDING_ELEMENTS,
    *_SCOPES_BY_TAG,
    *re.findall(r"\w+", "body button dd dt head html li marquee noscript object select"),
}
_NOT_SPECIAL_FOR_LIST_ITEMS = frozenset({"address", "div", "p"})
_CATEGORIES_BY_TAG = {
    name: (_SPECIAL,) if name in _NOT_SPECIAL_FOR_LIST_ITEMS else (_SPECIAL, _SPECIAL_FOR_LIST_ITEMS)
    for name in sorted(_SPECIAL_ELEMENTS)
}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_FORMATTING_ELEMENTS = frozenset(re.findall(r"\w+", "a b big code em font i nobr s small strike strong tt u"))
_OPEN_P = ("p", _DEFAULT_SCOPE)
_OPEN_CELLS = tuple((name, _TABLE_SCOPE) for name in ("td", "th"))
_OPEN_ROWS = (*_OPEN_CELLS, ("tr", _TABLE_SCOPE))
_OPEN_ROW_GROUPS = (*_OPEN_ROWS, *((name, _TABLE_SCOPE) for name in ("caption", "colgroup", "thead", "tbody", "tfoot")))
# Which open elements a start tag ends, and what must not be open within them.
_IMPLIED_ENDS_BY_TAG: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    **dict.fromkeys(_P_ENDING_ELEMENTS, (_OPEN_P,)),
    "li": (("li", (_SPECIAL_FOR_LIST_ITEMS,)), _OPEN_P),
    **dict.fromkeys(("dt", "dd"), (("dt", (_SPECIAL_FOR_LIST_ITEMS,)), ("dd", (_SPECIAL_FOR_LIST_ITEMS,)), _OPEN_P)),
    "option": (("option", (*_DEFAULT_SCOPE, "select")),),
    "optgroup": (("optgroup", (*_DEFAULT_SCOPE, "select")), ("option", (*_DEFAULT_SCOPE, "select"))),
    **dict.fromkeys(("td", "th"), _OPEN_CELLS),
    "tr": _OPEN_ROWS,
    **dict.fromkeys(("caption", "colgroup", "thead", "tbody", "tfoot"), _OPEN_ROW_GROUPS),
}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_HIDING_HINT = re.compile(r"none|hid", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
# Senders pad the preview of a mail with these.
_INVISIBLE_CHARACTERS = dict.fromkeys(map(ord, "\N{COMBINING GRAPHEME JOINER}\N{SOFT HYPHEN}\u200b\ufeff"))
# WHATWG URL 4.4: tabs and line ends are removed from a URL, and spaces and control characters from its ends.
_URL_MARGIN = "".join(map(chr, range(0x21)))
_FIRST_LINE_END = re.compile(r"\A(?:\r\n?|\n)")
_URL_TABS_AND_NEWLINES = dict.fromkeys(map(ord, "\t\r\n"))


class _TextWriter:
    """Write lines of text, with white space collapsed as in a browser."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._line_end_count = 2  # line ends since the last word; a text begins without any
        self._has_pending_space = False
        self._is_after_marker = False  # the first block of a list item begins in the line of the marker

    def write_text(self, text: str) -> None:
        text = _SPACES.sub(" ", text.translate(_INVISIBLE_CHARACTERS))
        if not text or (text == " " and self._line_end_count):
            return
        if text == " ":
            self._has_pending_space = True
            return
        if self._line_end_count:
            text = text.lstrip(" ")
        elif self._has_pending_space and not text.startswith(" "):
            self._pieces.append(" ")
        self._has_pending_space = text.endswith(" ")
        self._pieces.append(text.removesuffix(" "))
        self._line_end_count = 0
        self._is_after_marker = False

    def write_marker(self, marker: str) -> None:
        """Write the marker of a list item.

        The first block within the item follows in the same line.
        """
        self._pieces.append(marker)
        self._line_end_count = 0
        self._has_pending_space = True
        self._is_after_marker = True

    def end_marker(self) -> None:
        self._is_after_marker = False

    def write_verbatim(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
        if self._has_pending_space:
            self._pieces.append(" ")
        self._pieces.append(text)
        self._line_end_count = len(text) - len(text.rstrip("\n"))
        self._has_pending_space = self._is_after_marker = False

    def write_space(self) -> None:
        self._has_pending_space = not self._line_end_count

    def ensure_line_ends(self, minimum: int) -> None:
        if self._is_after_marker:
            return
        if self._line_end_count < minimum:
            self._pieces.append("\n" * (minimum - self._line_end_count))
            self._line_end_count = minimum
        self._has_pending_space = False

    def write_line_end(self) -> None:
        if self._pieces:
            self._pieces.append("\n")
            self._line_end_count += 1
        self._has_pending_space = self._is_after_marker = False

    def to_text(self) -> str:
        text = "".join(self._pieces).strip("\n")
        text = "\n".join(line.rstrip() for line in text.split("\n"))
        return text + "\n" if text.strip() else ""


class _LinkCollector:
    """Collect the links, and the text of the open one.

    Hidden text is a part of the link only if the link itself is hidden.
    """

    def __init__(self) -> None:
        self._links: list[tuple[str, list[str]]] = []
        self._open_link_texts: list[str] | None = None
        self._is_open_link_visible = False

    def add_text(self, text: str, *, is_visible: bool) -> None:
        if self._open_link_texts is not None and is_visible >= self._is_open_link_visible:
            self._open_link_texts.append(text)

    def add_tag(self, tag: Tag, *, is_visible: bool) -> None:
        name = tag.name
        if name == "a":
            self._open_link_texts = None
        if name == "br" or name in _LINE_ENDS_BY_TAG or name in _CELL_ELEMENTS:
            self.add_text(" ", is_visible=is_visible)
        if tag.is_end or name not in {"a", "area", "img"}:
            return
        found = parse_attributes(tag.attribute_text)
        alternative = found.get("alt", "")
        if name == "img":
            self.add_text(f" {alternative} ", is_visible=is_visible)
        elif "href" in found:
            texts = [alternative] if name == "area" else []
            self._links.append((found["href"].translate(_URL_TABS_AND_NEWLINES).strip(_URL_MARGIN), texts))
            if name == "a":
                self._open_link_texts = texts
                self._is_open_link_visible = is_visible

    def list_links(self) -> list[tuple[str, str]]:
        return [
            (url, _SPACES.sub(" ", "".join(texts).translate(_INVISIBLE_CHARACTERS)).strip())
            for url, texts in self._links
        ]


class _ListNumbering:
    """The open lists, and the markers of their items."""

    def __init__(self) -> None:
        self._next_numbers: list[int | None] = []  # of each open list; None for one without numbers

    def __bool__(self) -> bool:
        return bool(self._next_numbers)

    def update_by_tag(self, tag: Tag) -> None:
        if tag.is_end:
            del self._next_numbers[-1:]
        elif tag.name == "ol":
            start = parse_attributes(tag.attribute_text).get("start", "")
            self._next_numbers.append(int(start) if _LIST_START.fullmatch(start) else 1)
        else:
            self._next_numbers.append(None)

    def build_marker(self) -> str:
        indent = _LIST_INDENT * min(len(self._next_numbers) - 1, _MAX_LIST_DEPTH)
        number = self._next_numbers[-1] if self._next_numbers else None
        if number is None:
            return indent + "-"
        self._next_numbers[-1] = number + 1
        return f"{indent}{number}."


class _VisibilityTracker:
    """Track the open elements, to know whether the current text is visible; true if it is.

    Elements with an optional end tag end as WHATWG HTML 13.2.6 defines, and all end with the element around them.
    The positions of the open elements are indexed by name, so the time for a tag does not depend on its depth.
    """

    def __init__(self) -> None:
        self._open_elements: list[str] = []
        self._indexes_by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._hidden_from_index = -1  # the index of the outermost hidden element

    def __bool__(self) -> bool:
        return self._hidden_from_index < 0

    def update_by_tag(self, tag: Tag) -> bool:
        """Update the open elements by a tag, and return whether the tag itself is visible."""
        name = tag.name
        if tag.is_end:
            fences = _DEFAULT_SCOPE if name in _SPECIAL_ELEMENTS or name in _FORMATTING_ELEMENTS else (_SPECIAL,)
            names = _HEADINGS if name in _HEADINGS else (name,)  # the end tag of a heading ends any heading
            place = max(self._find_in_scope(heading, _SCOPES_BY_TAG.get(heading, fences)) for heading in names)
            previously_hidden_from = self._hidden_from_index
            if place >= 0 and name not in {
                "body",
                "html",
            }:  # 13.2.6.4.7: content after these end tags is still within the elements
                self._end_from(place)
            return self._hidden_from_index < 0 and (previously_hidden_from < 0 or previously_hidden_from != place)
        self._end_implied(name)
        is_visible = self._hidden_from_index < 0
        if name in _VOID_ELEMENTS:
            return is_visible and not _is_hidden(tag)
        if is_visible and (name in _INVISIBLE_ELEMENTS or _is_hidden(tag)):
            self._hidden_from_index = len(self._open_elements)
        for key in (name, *_CATEGORIES_BY_TAG.get(name, ())):
            self._indexes_by_name[key].append(len(self._open_elements))
        self._open_elements.append(name)
        return self._hidden_from_index < 0

    def update_by_text(self, text: str) -> None:
        """Update the open elements by a text, which ends a `head` without an end tag."""
        if self._hidden_from_index >= 0 and self._open_elements[-1] == "head" and not text.isspace():
            self._end_from(len(self._open_elements) - 1)

    def _end_implied(self, name: str) -> None:
        """End the elements whose end a start tag implies (13.2.6.4.4, 13.2.6.4.7 and later)."""
        if name not in _HEAD_ELEMENTS and self._open_elements and self._open_elements[-1] == "head":
            self._end_from(len(self._open_elements) - 1)
        for ended, fences in _IMPLIED_ENDS_BY_TAG.get(name, ()):
            place = self._find_in_scope(ended, fences)
            if place >= 0:
                self._end_from(place)
        if name in _HEADINGS and self._open_elements and self._open_elements[-1] in _HEADINGS:
            self._end_from(len(self._open_elements) - 1)

    def _find_in_scope(self, name: str, scope: tuple[str, ...]) -> int:
        """Return the index of the innermost open element with a name; -1 if not in the scope."""
        place = self._find_last(name)
        return place if place >= 0 and all(self._find_last(fence) <= place for fence in scope) else -1

    def _find_last(self, name: str) -> int:
        places = self._indexes_by_name[name]
        return places[-1] if places else -1

    def _end_from(self, index: int) -> None:
        for name in self._open_elements[index:]:
            for key in (name, *_CATEGORIES_BY_TAG.get(name, ())):
                self._indexes_by_name[key].pop()
        del self._open_elements[index:]
        if index <= self._hidden_from_index:
            self._hidden_from_index = -1


def render_text(html: str, note: DefectRecorder) -> tuple[str, list[tuple[str, str]]]:
    r"""Return the visible text, and the links (`a` and `area`) as pairs of URL and text.

    Args:
        html: untrusted input of any length.
        note: receives a reason for each defect.

    >>> render_text("<h1>Hi</h1><p>Please<br><a href='https://e.test/?a&amp;b'>confirm</a></p><ul><li>one</ul>", print)
    ('Hi\n\nPlease\nconfirm\n\n- one\n', [('https://e.test/?a&b', 'confirm')])
    """
    writer, links, visibility, lists = _TextWriter(), _LinkCollector(), _VisibilityTracker(), _ListNumbering()
    pre_depth = 0
    is_after_pre = False
    for token in tokenize(html, note):
        if isinstance(token, str):
            text = resolve_references(token)
            visibility.update_by_text(text)
            is_visible = bool(visibility)
            links.add_text(text, is_visible=is_visible)
            if is_visible and pre_depth:
                # WHATWG HTML 13.2.6.4.7: a line end directly after the start tag is ignored.
                writer.write_verbatim(_FIRST_LINE_END.sub("", text) if is_after_pre else text)
            elif is_visible:
                writer.write_text(text)
            is_after_pre = False
            continue
        name = token.name
        is_visible = visibility.update_by_tag(token)
        links.add_tag(token, is_visible=is_visible)
        is_after_pre = False
        if not is_visible:
            continue
        if name == "br":
            writer.write_line_end()
        elif name in _CELL_ELEMENTS:
            writer.write_space()
        elif name in _LINE_ENDS_BY_TAG:
            line_ends = _LINE_ENDS_BY_TAG[name]
            if name == "li" or name in _LIST_ELEMENTS:
                writer.end_marker()
            if name in _LIST_ELEMENTS:
                if token.is_end:
                    lists.update_by_tag(token)
                    line_ends = 1 if lists else line_ends  # a list within a list has no margins
                else:
                    line_ends = 1 if lists else line_ends
                    lists.update_by_tag(token)
            writer.ensure_line_ends(line_ends)
            if name == "li" and not token.is_end:
                writer.write_marker(lists.build_marker())
            elif name in _PREFORMATTED_ELEMENTS:
                pre_depth = max(0, pre_depth + (-1 if token.is_end else 1))
                is_after_pre = not token.is_end
    return writer.to_text(), links.list_links()


def _is_hidden(tag: Tag) -> bool:
    if not tag.attribute_text or _HIDING_HINT.search(tag.attribute_text) is None:
        return False
    found = parse_attributes(tag.attribute_text)
    return "hidden" in found or _HIDING_STYLE.search(found.get("style", "")) is not None
