"""Find one-time codes in the texts of a mail, the likeliest first.

The search has three steps, and each takes linear time:

1. Things that contain digits and are no codes are masked: URLs, addresses, telephone numbers, dates, times, prices,
   quantities.
2. What remains is split into numbers, and into tokens of letters and digits.
3. Each is judged by the words around it.  A word such as "code" in the same sentence counts for more than another
   number next to the code.  A noun that has a number ("order 1234") excludes it.

The words are in `code_words`.  The page `docs/reference/mail.md` has the rules for users.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from enum import Enum
from typing import NamedTuple

from lazr.smtptest.mail import code_words
from lazr.smtptest.mail.code_text import MASK, mask_other_numbers, normalize_text
from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["find_codes"]

_WORD = code_words.EXTENDING_CHARACTERS
_MAX_WORD_DISTANCE_CHARACTERS = 200  # words that are farther away have no effect
_MAX_ADJACENT_DISTANCE_CHARACTERS = 25  # so near to a word, a year, a date or an issue number is a code
_SENTENCE_END_PENALTY_CHARACTERS = 60  # a word in another sentence is as far away as this many more characters
_CONTEXT_CHARACTERS = 80  # of the same line, before a number
_WEB_OTP_TIER = -1

# The last line of an SMS or mail for Web OTP (https://wicg.github.io/sms-one-time-codes/): the host, then the code.
_WEB_OTP = re.compile(
    r"^ *@(?=[a-z0-9.:-]{1,255} )(?:[a-z0-9-]{1,63}\.){0,20}[a-z0-9-]{1,63}(?::[0-9]{1,5})? +#"
    r"([a-z0-9]{4,12})(?![a-z0-9])",
    re.MULTILINE | re.IGNORECASE,
)
_GROUP = "[0-9]++(?:[-.,:/'’][0-9]++)*+"
_RUN = re.compile(f"{_GROUP}(?: {{1,3}}+{_GROUP})*+")
_HARD_GROUP = re.compile(_GROUP)
_PREFIX_LETTERS = re.compile(rf"(?<!{_WORD})(?<![-_.@/#])[A-Z]{{1,3}}-\Z")
_NUMBERED_PREFIX = re.compile("(?:INV|REF|RMA|SKU|TKT|KB|CVE|RFC|ISO|DIN|EN|PO|SO|SR|CR|ID|NO|NR)-")
_NUMBER_WITH_PREFIX = re.compile("[A-Z]{1,3}-[0-9]{4,8}")
_GROUPED_BY_HYPHENS = re.compile("[0-9]{3}-[0-9]{3}|[0-9]{4}-[0-9]{4}|[0-9]{2}(?:-[0-9]{2}){2}|[0-9](?:-[0-9]){3,7}")
_SOLID = re.compile("[0-9]{4,8}")
_LIST = re.compile("[0-9]{4,8}(?:[,/][0-9]{4,8})+|[0-9]{4,8}/[0-9]{1,2}")
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_DATE = re.compile("(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_NUMBER_SIGN = re.compile(r"(?:[#№]|(?<![^\W_])(?:no|nr|nº|n°)\.?) ?\Z", re.IGNORECASE)
_PLACE_AFTER = re.compile(r",? [^\W\d_a-z][^\W\d_]{2}")
# Before a postal code: "Hauptstraße 12, ", "12 High Street, ", "12 rue de la Paix ", "Main St 5, Springfield ".
_STREET_AND_NUMBER = r"[^\W\d_]{2,30}[.,]? (?:no[.:]? )?[0-9]{1,4}(?: ?[a-z])?"
_NUMBER_AND_STREET = r"(?<![0-9])[0-9]{1,4},? [^\W\d_][^\W\d_.' -]{3,40}"
_FRENCH_STREET = r"[0-9]{1,4},? (?:bis |ter )?(?:rue|avenue|boulevard|bd|place|chemin|route|quai) [^\n0-9]{2,40}"
_SEPARATOR = r" ?(?:[,·•|;/-]|\n) ?"
_STREET_BEFORE = re.compile(
    rf"(?:(?:{_STREET_AND_NUMBER}|{_NUMBER_AND_STREET}){_SEPARATOR}|{_FRENCH_STREET} )\Z", re.IGNORECASE
)
_STREET_AND_PLACE_BEFORE = re.compile(
    rf"{_STREET_AND_NUMBER}{_SEPARATOR}[^\W\d_]{{2,30}}(?:[ -][^\W\d_]{{2,30}}){{0,2}}(?:, | - | )\Z", re.IGNORECASE
)
_ADDRESS_END = re.compile(r" *(?:[.,;)|·•]|\n|\Z)")
_ADDRESS_SEPARATORS = (",", "·", "•", "|", ";", "-")
_SENTENCE_END = re.compile(r"(?<![ -]n[or])[.!?…]++(?=[\s\"'”’)\]]|\Z)|[。！？।۔؟｡]|\n *\n *\n")
_PARAGRAPH_END = re.compile(r"\n *\n")
_LINE_MARKS = " \t>:|" + MASK + "\"'“”„‘’«»‹›「」『』【】〔〕《》〈〉[](){}<>#.-=→➡►▶•·"
_UNIT_AFTER = re.compile(r" ?[%°‰]|@")

# Letters and digits: one group, or groups of nearly the same length.
_TOKEN = re.compile(
    rf"(?<!{_WORD})(?<![-_#@&/\\+%.,'’$€£])(?=[A-Za-z-]{{0,11}}[0-9])(?=[0-9-]{{0,11}}[A-Za-z])"
    rf"([A-Za-z0-9]{{3,10}}(?:-[A-Za-z0-9]{{3,5}}){{0,3}})(?!{_WORD}|[-_@&/\\+%=][^\s]|[.,:'’]{_WORD})"
)
_TOKEN_KIND_CHANGE = re.compile("(?<=[0-9])(?=[A-Z])|(?<=[A-Z])(?=[0-9])")
# What stands between a word and a code that belongs to it: "code X", "code for Acme: X", "X is your code", "X (code)".
_LINK_BEFORE = re.compile(
    r"(?:(?:[ ][^\W\d_]{1,15}){0,5}(?:[ ]?[:：=-]|[ ](?:is|was|are|ist|lautet|est|es|è|é|jest|je|är|er|on|este|"
    r"adalah|là)"
    r"(?![^\W\d_])[:：]?)|[はが是为為는은]|)[\s\"'“”„«»‹›‘’「『【（(\[<]*"
)
_LINK_AFTER = re.compile(
    r"[\"'”“»’」』】）)\]>]*"
    r"(?:(?:[ ](?:is|ist|est|es|è|é|as|als)(?![^\W\d_])|[ ]?[-:(（])(?:[ ]?[^\W\d_]{1,15}){0,4}[ ]?|[ は是]|)"
)
_MAX_LINK_CHARACTERS = 60
_NOT_CODES = re.compile(
    r"(?:sha|md|base|utf|ipv|iso|rfc|win|windows|ios|android|http|oauth|tls|ssl|fido|fips|rtx|gtx|covid|web|html|"
    r"css|es|"
    r"x|h|mp|usb|ps|gpt|ec|log|aes|rsa|rs|cve|kb|smtp|pop|imap|mt|step|part|page|version|level|tier|phase|day|"
    r"week|route)[0-9]{1,5}|"
    r"[0-9]{1,4}(?:st|nd|rd|th|er|ème|px|pt|em|fa|bit|bits|am|pm|ers|x|k|g|h|d|s)",
    re.IGNORECASE,
)


class _Side(Enum):
    """What is directly before a number."""

    FREE = "free"
    WEAK = "weak"  # a code is less likely: the number of an issue, a decimal
    JOINED = "joined"  # it is a part of the same word or number


class _Support(Enum):
    """What speaks for a candidate."""

    WORD = "word"  # a noun is in the same sentence, or a word is near a number on a line of its own
    FORM = "form"  # a verb is in the same sentence, or it stands on a line of its own, or directly beside a word
    NONE = "none"


class _Candidate(NamedTuple):
    """A possible code; a lower tier is likelier, then a lower distance."""

    code: str
    tier: int
    distance: int
    position: int
    support: _Support


class _WordIndex:
    """The positions of the words for "code" in a text, and of the ends of its sentences."""

    def __init__(self, lower_text: str) -> None:
        self.spans: Final[list[tuple[int, int]]] = []
        self.noun_spans: Final[list[tuple[int, int]]] = []
        for match in code_words.CODE_WORD.finditer(lower_text):
            begin, end = match.span()
            if code_words.OTHER_CODE_PREFIX.search(
                lower_text, max(0, begin - 16), begin
            ) or code_words.OTHER_CODE_SUFFIX.match(lower_text, end):
                continue
            self.spans.append((begin, end))
            if match["noun"]:
                self.noun_spans.append((begin, end))
        self.begins: Final = [begin for begin, _ in self.spans]
        self.starts: Final = set(self.begins)
        self.noun_begins: Final = [begin for begin, _ in self.noun_spans]
        self.ends: Final = {end for _, end in self.spans}
        self._sentence_ends: Final = [match.start() for match in _SENTENCE_END.finditer(lower_text)]
        self._paragraph_ends: Final = [match.start() for match in _PARAGRAPH_END.finditer(lower_text)]

    def crosses_sentence_end(self, begin: int, end: int) -> bool:
        """Return whether a sentence ends between two positions."""
        return bisect_left(self._sentence_ends, begin) < bisect_left(self._sentence_ends, end)

    def has_word_between(self, begin: int, end: int) -> bool:
        """Return whether a word begins between two positions."""
        return bisect_left(self.begins, begin) < bisect_left(self.begins, end)

    def has_word_in_paragraph(self, begin: int, end: int, *, noun: bool) -> bool:
        """Return whether a word, or a noun, is beside it in the same sentence and paragraph."""
        begins, spans = (self.noun_begins, self.noun_spans) if noun else (self.begins, self.spans)
        index = bisect_left(begins, begin)
        gaps = [(spans[index - 1][1], begin)] if index else []
        gaps += [(end, word_begin) for word_begin in begins[index : index + 1]]
        return any(
            second - first <= _MAX_WORD_DISTANCE_CHARACTERS
            and not self.crosses_sentence_end(first, second)
            and bisect_left(self._paragraph_ends, first) == bisect_left(self._paragraph_ends, second)
            for first, second in gaps
        )

    def measure_distance(self, begin: int, end: int) -> tuple[int, bool]:
        """Return the characters to the nearest word, and whether a word is in the same sentence.

        A word after the number counts double.  A word of another sentence is farther away.
        """
        index = bisect_left(self.begins, begin)
        distances = []
        if index:
            word_end = self.spans[index - 1][1]
            distances.append((max(0, begin - word_end), self.crosses_sentence_end(word_end, begin)))
        if index < len(self.spans):
            word_begin = self.spans[index][0]
            distances.append((2 * max(0, word_begin - end), self.crosses_sentence_end(end, word_begin)))
        near = [(distance, crosses) for distance, crosses in distances if distance <= _MAX_WORD_DISTANCE_CHARACTERS]
        if not near:
            return _MAX_WORD_DISTANCE_CHARACTERS + 1, False
        nearest = min(distance + crosses * _SENTENCE_END_PENALTY_CHARACTERS for distance, crosses in near)
        return min(_MAX_WORD_DISTANCE_CHARACTERS, nearest), not all(crosses for _, crosses in near)


class _CodeSearch:
    """The search for codes in one text."""

    def __init__(self, text: str, note: DefectRecorder) -> None:
        self._note = note
        self._text = normalize_text(text[: limits.MAX_CODE_SEARCH_CHARACTERS])
        self._web_otps = [
            _Candidate(match[1], _WEB_OTP_TIER, 0, match.start(1), _Support.WORD)
            for match in _WEB_OTP.finditer(self._text)
        ]
        self._text = mask_other_numbers(self._text)
        self._lower_text = self._text.lower()
        self._words = _WordIndex(self._lower_text)

    def rank_candidates(self) -> Iterator[_Candidate]:
        """Yield each candidate."""
        yield from self._web_otps
        for run in self._find_up_to_limit(_RUN):
            for digits, begin, end, is_weak in self._split_run(run):
                yield from self._rank_number(digits, begin, end, is_weak=is_weak)
        if self._words.noun_spans:
            for token in self._find_up_to_limit(_TOKEN):
                yield from self._rank_token(token)

    def _find_up_to_limit(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        for count, match in enumerate(pattern.finditer(self._text)):
            if count >= limits.MAX_FINDS:
                self._note(f"more than {limits.MAX_FINDS:,} numbers: truncated")
                return
            yield match

    # -- numbers ---------------------------------------------------------------------------------

    def _split_run(self, run: re.Match[str]) -> Iterator[tuple[str, int, int, bool]]:
        """Yield the codes in numbers with only spaces between them: digits, begin, end, is weak."""
        groups = [(match[0], match.start(), match.end()) for match in _HARD_GROUP.finditer(self._text, *run.span())]
        left_side = self._judge_left_side(groups[0][1])
        if left_side is _Side.JOINED:
            del groups[0]
        if groups and self._is_joined_right(groups[-1][2]):
            del groups[-1]
        is_weak = left_side is _Side.WEAK  # concerns the first code only
        segment: list[tuple[str, int, int]] = []
        for group in groups:
            if group[0].isdigit():
                segment.append(group)
                continue
            yield from self._split_segment(segment, is_weak=is_weak)
            yield from self._split_group(*group, is_weak=is_weak and not segment)
            segment, is_weak = [], False
        yield from self._split_segment(segment, is_weak=is_weak)

    def _judge_left_side(self, begin: int) -> _Side:
        before = self._text[max(0, begin - 8) : begin]
        last = before[-1:]
        ends_word = begin in self._words.ends or (begin - 1 in self._words.ends and last in "-_=./:")
        if not last or ends_word:
            return _Side.FREE
        if re.match(_WORD, last) or last in "+@&%/\\$€£":
            return _Side.JOINED
        if last in "-_'’=" and re.match(_WORD, before[-2:-1]):
            return _Side.FREE if _PREFIX_LETTERS.search(before) else _Side.JOINED
        return _Side.WEAK if last in ".,-" or _NUMBER_SIGN.search(before) else _Side.FREE

    def _is_joined_right(self, end: int) -> bool:
        after = self._text[end : end + 2]
        return bool(
            re.match(_WORD, after)
            or _UNIT_AFTER.match(after)
            or (after[:1] in {"-", "_"} and re.match(_WORD, after[1:]))
        )

    def _split_group(self, group: str, begin: int, end: int, *, is_weak: bool) -> Iterator[tuple[str, int, int, bool]]:
        if _GROUPED_BY_HYPHENS.fullmatch(group):
            yield group.replace("-", ""), begin, end, is_weak
        elif len(group) == 7 and group[3] == "." and group.count(".") == 1 and group.replace(".", "").isdigit():
            yield group.replace(".", ""), begin, end, True  # may have a thousands separator
        elif _LIST.fullmatch(group) and self._has_close_word(begin, end):
            for match in _SOLID.finditer(group):
                yield match[0], begin + match.start(), begin + match.end(), is_weak

    def _split_segment(
        self, segment: list[tuple[str, int, int]], *, is_weak: bool
    ) -> Iterator[tuple[str, int, int, bool]]:
        """Yield the codes in groups of digits with spaces between them."""
        if not segment:
            return
        sizes = [len(group) for group, _, _ in segment]
        begin, end = segment[0][1], segment[-1][2]
        if _is_one_code(sizes):
            yield "".join(group for group, _, _ in segment), begin, end, is_weak
            return
        if len(sizes) == 1 or not self._has_close_word(begin, end) or _is_long_number(sizes, segment[0][0]):
            return
        index = 0
        while index < len(segment):
            length = _measure_code(sizes, index)
            if length:
                part = segment[index : index + length]
                yield "".join(group for group, _, _ in part), part[0][1], part[-1][2], is_weak and not index
            index += length or 1

    def _has_close_word(self, begin: int, end: int) -> bool:
        """Return whether a word is in the same sentence, or near a number on its own line."""
        distance, is_same_sentence = self._words.measure_distance(begin, end)
        if is_same_sentence:
            return True
        return distance <= _MAX_WORD_DISTANCE_CHARACTERS and self._is_alone(begin, end)

    def _read_before(self, begin: int) -> str:
        return self._lower_text[max(0, begin - _CONTEXT_CHARACTERS) : begin].rpartition("\n")[2]

    def _is_alone(self, begin: int, end: int) -> bool:
        """Return whether the line has nothing else but punctuation."""
        after = self._text[end : end + _CONTEXT_CHARACTERS].partition("\n")[0]
        return not self._read_before(begin).strip(_LINE_MARKS) and not after.strip(_LINE_MARKS)

    def _has_other_meaning(self, begin: int, end: int, *, is_alone: bool) -> bool:
        """Return whether a noun that has a number, such as "order", is before or after."""
        after = self._lower_text[end : end + _CONTEXT_CHARACTERS].partition("\n")[0]
        if code_words.NOUN_BEFORE_NUMBER.search(self._read_before(begin)) or code_words.NOUN_AFTER_NUMBER.match(after):
            return True
        if not is_alone:
            return False
        lines = self._lower_text[max(0, begin - _CONTEXT_CHARACTERS) : begin].split("\n")[:-1]
        label = next((line for line in reversed(lines) if line.strip()), "").strip()
        return (
            code_words.LABEL_END.search(label) is not None and code_words.NOUN_BEFORE_NUMBER.search(label) is not None
        )

    def _rank_number(self, digits: str, begin: int, end: int, *, is_weak: bool) -> Iterator[_Candidate]:
        is_alone = self._is_alone(begin, end)
        prefix = _PREFIX_LETTERS.search(self._text, max(0, begin - 8), begin)
        if prefix is not None and _NUMBERED_PREFIX.fullmatch(prefix[0]):
            return
        if self._has_other_meaning(prefix.start() if prefix else begin, end, is_alone=is_alone):
            return
        distance, is_same_sentence = self._words.measure_distance(begin, end)
        is_near = distance <= _MAX_WORD_DISTANCE_CHARACTERS
        if is_weak:  # usually the number of an issue, or a thousands separator
            if distance <= _MAX_ADJACENT_DISTANCE_CHARACTERS:
                yield _Candidate(digits, 1, distance, begin, _Support.FORM)
        elif _YEAR.fullmatch(digits) or _DATE.fullmatch(digits):
            if is_alone and is_near:
                yield _Candidate(digits, 0, distance, begin, _Support.FORM)
            elif distance <= _MAX_ADJACENT_DISTANCE_CHARACTERS and not self._is_year(begin, end):
                has_noun = self._words.has_word_in_paragraph(begin, end, noun=True)
                yield _Candidate(digits, 1, distance, begin, _Support.FORM if has_noun else _Support.NONE)
        elif self._is_in_address(digits, begin, end) or (
            not is_same_sentence and self._is_postal_code(digits, begin, end, is_near=is_near)
        ):
            return
        elif is_near:
            has_word = self._words.has_word_in_paragraph(begin, end, noun=False)
            support = _Support.FORM if has_word else _Support.NONE
            if is_alone or self._words.has_word_in_paragraph(begin, end, noun=True):
                support = _Support.WORD
            yield _Candidate(digits, 0, distance // 4 if is_alone else distance, begin, support)
        else:
            yield _Candidate(digits, 2, 0 if is_alone else 1, begin, _Support.FORM if is_alone else _Support.NONE)

    def _is_postal_code(self, digits: str, begin: int, end: int, *, is_near: bool) -> bool:
        """Return whether a number has the name of a place after it.

        Near a word, it must also have a comma or the like before it.
        """
        if len(digits) > 5 or not _PLACE_AFTER.match(self._text, end):
            return False
        return not is_near or self._read_before(begin).rstrip().endswith(_ADDRESS_SEPARATORS)

    def _is_in_address(self, digits: str, begin: int, end: int) -> bool:
        """Return whether a number follows a street with a house number, and its line has no word."""
        line_begin = self._text.rfind("\n", max(0, begin - _CONTEXT_CHARACTERS), begin) + 1
        line_end = self._text.find("\n", end, end + _CONTEXT_CHARACTERS)
        if len(digits) > 6 or self._words.has_word_between(
            line_begin, end + _CONTEXT_CHARACTERS if line_end < 0 else line_end
        ):
            return False
        before = self._text[max(0, begin - _CONTEXT_CHARACTERS) : begin]
        if _PLACE_AFTER.match(self._text, end):
            return _STREET_BEFORE.search(before) is not None
        return _ADDRESS_END.match(self._text, end) is not None and _STREET_AND_PLACE_BEFORE.search(before) is not None

    def _is_year(self, begin: int, end: int) -> bool:
        """Return whether a month, a preposition or another number is beside what may be a year."""
        adjacent = _MAX_ADJACENT_DISTANCE_CHARACTERS
        return (
            code_words.YEAR_CONTEXT.search(self._read_before(begin)) is not None
            or _SOLID.search(self._text, max(0, begin - adjacent), begin) is not None
            or _SOLID.search(self._text, end, end + adjacent) is not None
        )

    # -- letters and digits ----------------------------------------------------------------------

    def _rank_token(self, match: re.Match[str]) -> Iterator[_Candidate]:
        token, begin, end = match[1], match.start(), match.end()
        if not _has_form_of_code(token) or begin in self._words.starts:
            return
        is_alone = self._is_alone(begin, end)
        if self._has_other_meaning(begin, end, is_alone=is_alone):
            return
        index = bisect_left(self._words.noun_begins, begin)
        distances = []
        is_close = is_linked = False
        if index:
            word_end = self._words.noun_spans[index - 1][1]
            distances.append(max(0, begin - word_end))
            is_close = not self._words.crosses_sentence_end(word_end, begin)
            is_linked = _is_link(_LINK_BEFORE, self._text, word_end, begin)
        if index < len(self._words.noun_spans):
            word_begin = self._words.noun_begins[index]
            distances.append(2 * (word_begin - end))
            is_close = is_close or not self._words.crosses_sentence_end(end, word_begin)
            is_linked = is_linked or _is_link(_LINK_AFTER, self._text, end, word_begin)
        distance = min(distances)
        if distance > _MAX_WORD_DISTANCE_CHARACTERS:
            return
        is_unlikely_word = (
            token == token.upper() and len(token) > 4 and ("-" in token or len(_TOKEN_KIND_CHANGE.findall(token)) > 1)
        )
        if is_linked or is_alone or (is_unlikely_word and is_close):
            yield _Candidate(token, 0, distance // 4 if is_alone else distance, begin, _Support.FORM)


def find_codes(texts: Iterable[str], note: DefectRecorder) -> tuple[str, ...]:
    """Return the one-time codes in several texts, each once, the likeliest first.

    Codes near a word such as "code" come first, and codes on a line of their own before those within a line.  Numbers
    have no spaces and hyphens.

    Args:
        texts: untrusted texts; equally likely codes are in the order of the texts.
        note: receives a reason if a text has more than 131,072 characters, or too many numbers.

    >>> find_codes(["Order 778899\\n\\nYour code is 123 456.\\nIt is good for 10 minutes. (c) 2026"], print)
    ('123456',)
    >>> find_codes(["Enter 9F3K-22QX as your code."], print)
    ('9F3K-22QX',)
    """
    ranked: dict[str, tuple[int, int, int, int]] = {}
    supports: dict[_Support, set[str]] = {support: set() for support in _Support}
    for place, text in enumerate(texts):
        if len(text) > limits.MAX_CODE_SEARCH_CHARACTERS:
            note(f"codes are searched in the first {limits.MAX_CODE_SEARCH_CHARACTERS:,} characters: truncated")
        for candidate in _CodeSearch(text, note).rank_candidates():
            rank = (candidate.tier, candidate.distance, place, candidate.position)
            ranked[candidate.code] = min(rank, ranked.get(candidate.code, rank))
            supports[candidate.support].add(candidate.code)
    if supports[_Support.WORD]:
        # Beside a certain code, other numbers within the text are those of an imprint, an order or a customer.
        for code in supports[_Support.NONE] - supports[_Support.WORD] - supports[_Support.FORM]:
            del ranked[code]
    return tuple(sorted(ranked, key=ranked.__getitem__))


def _is_link(pattern: re.Pattern[str], text: str, begin: int, end: int) -> bool:
    return end - begin <= _MAX_LINK_CHARACTERS and pattern.fullmatch(text, begin, end) is not None


def _is_one_code(sizes: list[int]) -> bool:
    """Return whether groups of digits are one code: 123456, 123 456, 12 34 56, 1 2 3 4."""
    if len(sizes) == 1:
        return 4 <= sizes[0] <= 8
    return sizes in ([3, 3], [4, 4], [2, 2, 2]) or (4 <= len(sizes) <= 8 and set(sizes) == {1})


def _is_long_number(sizes: list[int], first: str) -> bool:
    """Return whether groups of digits are the number of a telephone, a card or an account."""
    if first.startswith("0") and sizes[0] < 6 and sum(sizes) > 6:
        return True
    if max(sizes) > 4 or len(sizes) < 3:
        return False
    if set(sizes) == {2}:
        return True
    return not (sizes[0] < 3 and _is_one_code(sizes[1:])) and not (sizes[-1] < 3 and _is_one_code(sizes[:-1]))


def _measure_code(sizes: list[int], index: int) -> int:
    """Return how many groups of digits are a code that begins at an index; 0 if none."""
    for length in (3, 2, 1):
        part = sizes[index : index + length]
        if len(part) == length and _is_one_code(part):
            return length
    return 0


def _has_form_of_code(token: str) -> bool:
    """Return whether a token has the form of a code: A1B2C3 and 9F3K-22QX, but not SHA256."""
    sizes = [len(group) for group in token.split("-")]
    if len(sizes) == 1:
        return sizes[0] > 3 and _NOT_CODES.fullmatch(token) is None
    return max(sizes) - min(sizes) < 2 and max(sizes) < 6 and _NUMBER_WITH_PREFIX.fullmatch(token) is None
