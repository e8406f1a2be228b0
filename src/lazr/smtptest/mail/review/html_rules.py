"""Rules about the HTML: images, scripts, size, structure, tracking, and support."""

from __future__ import annotations

import re

from lazr.smtptest.mail.htmlcheck.table import load_features
from lazr.smtptest.mail.review.rule import Problem, ReviewRule, count_of, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazr.smtptest.mail.html.tokens import Tag
    from lazr.smtptest.mail.htmlcheck.table import Feature
    from lazr.smtptest.mail.review.source import Element, ReviewSource

__all__ = ["MAX_GMAIL_HTML_BYTES", "RULES", "find_tracking_pixels"]

MAX_GMAIL_HTML_BYTES = 102 * 1024
"""Gmail hides the HTML after this size."""

_MAX_GMAIL_STYLE_CHARACTERS = 8_192  # Gmail drops a longer style element
_MOSTLY_UNSUPPORTED_PERCENT = 50
_PARTLY_UNSUPPORTED_PERCENT = 10
_MAX_NAMED_PROGRAMS = 3
# Mail programs that do not know these lose nothing.
_HARMLESS_SLUGS = frozenset(
    {
        "css-accent-color",
        "css-at-media-prefers-color-scheme",
        "css-at-media-prefers-reduced-motion",
        "css-color-scheme",
        "css-comments",
        "css-cursor",
        "html-aria-describedby",
        "html-aria-hidden",
        "html-aria-label",
        "html-aria-labelledby",
        "html-aria-live",
        "html-doctype",
        "html-lang",
        "html-loading-attribute",
        "html-meta-color-scheme",
        "html-role",
        "html-target",
    }
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}:")
_ZERO_OR_ONE = re.compile(r"\s*+[01](?:px)?\s*+")
_SMALL_STYLE = re.compile(r"(?:^|[;\s])(?:max-)?(width|height)\s?:\s?[01](?:px)?\s?(?:!|;|$)", re.IGNORECASE)
_VERSION = re.compile(r" \([^()]*+\)$")
# Elements whose end tag must not be left out (WHATWG HTML 13.1.2.4).
_PAIRED_ELEMENTS_TEXT = """
    a abbr address article aside b blockquote button center code div dl em fieldset font footer form h1 h2 h3
    h4 h5 h6 header i label main nav ol pre s section select small span strike strong sub sup table u ul
"""
_PAIRED_ELEMENTS = frozenset(_PAIRED_ELEMENTS_TEXT.split())
_MAX_OPEN_ELEMENTS = 10_000


def _find_missing_alt(source: ReviewSource) -> Iterator[Problem]:
    for element in _iterate_images(source):
        if "alt" not in element.attributes and not _is_tracking_pixel(element):
            name = shorten(element.attributes.get("src", "without src"))
            yield _build_problem(source, element, f'Image {name} has no alt; write alt="" if it is decoration')


def _iterate_images(source: ReviewSource) -> Iterator[Element]:
    return (element for element in source.elements if element.name == "img")


def _build_problem(source: ReviewSource, element: Element, text: str) -> Problem:
    return Problem(text, "html", source.find_body_line("html", element.position))


def _find_insecure_images(source: ReviewSource) -> Iterator[Problem]:
    for element in _iterate_images(source):
        src = element.attributes.get("src", "").strip()
        if src[:7].lower() == "http://":
            yield _build_problem(source, element, f"Image {shorten(src)} is loaded without TLS")


def _find_relative_images(source: ReviewSource) -> Iterator[Problem]:
    if any(element.name == "base" for element in source.elements):
        return
    for element in _iterate_images(source):
        src = element.attributes.get("src", "").strip()
        is_placeholder = src.startswith(("{{", "<%", "${"))
        if (not _SCHEME.match(src) and not is_placeholder) or src[:5].lower() == "file:":
            text = f"Image {shorten(src)} cannot be loaded: it is relative, or a file of this machine"
            yield _build_problem(source, element, text if src else "An image has no src")


def _find_data_images(source: ReviewSource) -> Iterator[Problem]:
    for element in _iterate_images(source):
        if element.attributes.get("src", "").strip()[:5].lower() == "data:":
            text = "An image is a data: URL, which Gmail and Outlook do not show; attach it, and refer to it with cid:"
            yield _build_problem(source, element, text)


def find_tracking_pixels(source: ReviewSource) -> Iterator[Problem]:
    """Yield the images of at most one pixel that other servers have."""
    for element in _iterate_images(source):
        if _is_tracking_pixel(element):
            src = shorten(element.attributes.get("src", "").strip())
            yield _build_problem(source, element, f"Image {src} has one pixel: it tells its server who opens the mail")


def _is_tracking_pixel(element: Element) -> bool:
    attributes = element.attributes
    if attributes.get("src", "").strip()[:4].lower() != "http":
        return False
    sides = {side for side in ("width", "height") if _ZERO_OR_ONE.fullmatch(attributes.get(side, ""))}
    sides |= {match[1].lower() for match in _SMALL_STYLE.finditer(attributes.get("style", "")[:2_000])}
    return sides == {"width", "height"}


def _find_scripts(source: ReviewSource) -> Iterator[Problem]:
    for element in source.elements:
        kind = element.attributes.get("type", "").strip().lower()
        if element.name == "script" and kind not in ("application/json", "application/ld+json"):
            yield _build_problem(source, element, "The HTML has a script, which no mail program runs")


def _find_event_handlers(source: ReviewSource) -> Iterator[Problem]:
    for element in source.elements:
        name = next((name for name in element.attributes if name.startswith("on") and len(name) > 3), None)
        if name is not None:
            text = f"<{shorten(element.name)}> has {shorten(name)}, which mail programs remove"
            yield _build_problem(source, element, text)


def _find_large_html(source: ReviewSource) -> Iterator[Problem]:
    size = len(source.message.html.encode("utf-8", "replace"))
    if size > MAX_GMAIL_HTML_BYTES:
        position = len(source.message.html.encode("utf-8", "replace")[:MAX_GMAIL_HTML_BYTES].decode("utf-8", "ignore"))
        text = f"The HTML has {size:,} bytes; Gmail hides what is after {MAX_GMAIL_HTML_BYTES:,}"
        yield Problem(text, "html", source.find_body_line("html", position))


def _find_large_styles(source: ReviewSource) -> Iterator[Problem]:
    for element in source.elements:
        if element.name == "style" and len(element.raw_text) > _MAX_GMAIL_STYLE_CHARACTERS:
            length = len(element.raw_text)
            text = f"A style element has {length:,} characters; Gmail drops those of more than 8,192"
            yield _build_problem(source, element, text)


def _find_missing_language(source: ReviewSource) -> Iterator[Problem]:
    for element in source.elements:
        if element.name == "html":
            if not element.attributes.get("lang", "").strip():
                text = "<html> has no lang, so a screen reader has to guess the language"
                yield _build_problem(source, element, text)
            return


def _find_repeated_ids(source: ReviewSource) -> Iterator[Problem]:
    seen: set[str] = set()
    for element in source.elements:
        name = element.attributes.get("id", "")
        if name and name in seen:
            yield _build_problem(source, element, f'id="{shorten(name)}" is there a second time')
        seen.add(name)


def _find_unbalanced_tags(source: ReviewSource) -> Iterator[Problem]:
    opened: list[Tag] = []
    open_counts: dict[str, int] = {}
    for token in source.tokens:
        if isinstance(token, str) or token.name not in _PAIRED_ELEMENTS:
            continue
        if not token.is_end:
            if len(opened) >= _MAX_OPEN_ELEMENTS:
                return
            opened.append(token)
            open_counts[token.name] = open_counts.get(token.name, 0) + 1
        elif not open_counts.get(token.name):
            yield Problem(f"</{token.name}> ends nothing", "html", source.find_body_line("html", token.start))
        else:
            while (last := opened.pop()).name != token.name:
                open_counts[last.name] -= 1
                yield _build_unclosed(source, last)
            open_counts[token.name] -= 1
    for tag in opened:
        yield _build_unclosed(source, tag)


def _build_unclosed(source: ReviewSource, tag: Tag) -> Problem:
    return Problem(f"<{tag.name}> has no end tag", "html", source.find_body_line("html", tag.start))


def _build_support_finder(is_found: Callable[[Feature], bool]) -> Callable[[ReviewSource], Iterator[Problem]]:
    def find(source: ReviewSource) -> Iterator[Problem]:
        support = source.html_support
        if support is None or isinstance(support, str):
            return
        features = load_features()
        used = [features[slug] for slug in support.found if slug in features and slug not in _HARMLESS_SLUGS]
        for feature in sorted(filter(is_found, used), key=lambda one: (-one.compute_percent("no"), one.slug)):
            places = support.places.get(feature.slug, [])
            position = _find_position(source.message.html, *places[0]) if places else 0
            yield Problem(
                _describe_feature(feature, support.found[feature.slug]),
                "html",
                source.find_body_line("html", position) if places else None,
                feature.url,
            )

    return find


def _find_position(html: str, line: int, column: int) -> int:
    position = 0
    for _ in range(line - 1):
        position = html.find("\n", position) + 1
    return position + column - 1


def _describe_feature(feature: Feature, count: int) -> str:
    names = dict.fromkeys(_VERSION.sub("", one.name) for one in feature.programs if one.support == "no")
    shown = list(names)[:_MAX_NAMED_PROGRAMS]
    share = round(feature.compute_percent("no"))
    use = f"{feature.title} ({count_of(count, 'time')})"
    return f"{use}: {share} % of mail programs do not support it, such as {', '.join(shown)}"


def _is_mostly_unsupported(feature: Feature) -> bool:
    return feature.compute_percent("no") >= _MOSTLY_UNSUPPORTED_PERCENT


def _is_partly_unsupported(feature: Feature) -> bool:
    return _PARTLY_UNSUPPORTED_PERCENT <= feature.compute_percent("no") < _MOSTLY_UNSUPPORTED_PERCENT


def _find_unchecked_html(source: ReviewSource) -> Iterator[Problem]:
    if isinstance(source.html_support, str):
        yield Problem(f"What mail programs support was not checked: {source.html_support}", "html")


_HTML_SPEC = "https://html.spec.whatwg.org/multipage/"
_CANIEMAIL = "caniemail.com"
_CANIEMAIL_PAGE = "https://www.caniemail.com/"
_GMAIL_HTML_PAGE = "https://developers.google.com/workspace/gmail/design/css"
_GMAIL_CLIP_PAGE = "https://support.google.com/mail/answer/7190"

RULES: tuple[ReviewRule, ...] = (
    ReviewRule(
        "image-alt",
        "warning",
        "An image has no alt.",
        "WCAG 2.2, 1.1.1",
        _find_missing_alt,
        "https://www.w3.org/WAI/WCAG22/Understanding/non-text-content",
    ),
    ReviewRule(
        "image-relative",
        "error",
        "The URL of an image is relative, a file, or missing.",
        "RFC 3986 5.1",
        _find_relative_images,
    ),
    ReviewRule("image-insecure", "warning", "An image is loaded by http:.", "RFC 9110 4.2.2", _find_insecure_images),
    ReviewRule(
        "image-data-url",
        "warning",
        "An image is a data: URL.",
        _CANIEMAIL,
        _find_data_images,
        "https://www.caniemail.com/features/image-base64/",
    ),
    ReviewRule(
        "tracking-pixel",
        "info",
        "An image of one pixel reports who opens the mail.",
        "GDPR, article 7",
        find_tracking_pixels,
        "https://gdpr-info.eu/art-7-gdpr/",
    ),
    ReviewRule(
        "html-script",
        "error",
        "The HTML has a script.",
        "HTML Living Standard 4.12.1",
        _find_scripts,
        f"{_HTML_SPEC}scripting.html#the-script-element",
    ),
    ReviewRule(
        "html-event-handler",
        "warning",
        "An element has an event handler such as onclick.",
        "HTML Living Standard 8.1.8",
        _find_event_handlers,
        f"{_HTML_SPEC}webappapis.html#event-handler-attributes",
    ),
    ReviewRule(
        "html-size",
        "warning",
        "The HTML has more than 102 KB.",
        "Gmail: clipped messages",
        _find_large_html,
        _GMAIL_CLIP_PAGE,
    ),
    ReviewRule(
        "html-style-size",
        "warning",
        "A style element has more than 8,192 characters.",
        "Gmail: CSS support",
        _find_large_styles,
        _GMAIL_HTML_PAGE,
    ),
    ReviewRule(
        "html-lang",
        "info",
        "The language of the HTML is not declared.",
        "WCAG 2.2, 3.1.1",
        _find_missing_language,
        "https://www.w3.org/WAI/WCAG22/Understanding/language-of-page",
    ),
    ReviewRule(
        "html-id-repeated",
        "info",
        "Two elements have the same id.",
        "HTML Living Standard 3.2.6",
        _find_repeated_ids,
        f"{_HTML_SPEC}dom.html#the-id-attribute",
    ),
    ReviewRule(
        "html-unclosed",
        "warning",
        "An element has no end tag, or an end tag no element.",
        "HTML Living Standard 13.1.2.4",
        _find_unbalanced_tags,
        f"{_HTML_SPEC}syntax.html#optional-tags",
    ),
    ReviewRule(
        "html-unsupported",
        "warning",
        "At least 50 % of mail programs do not support a feature of the HTML.",
        _CANIEMAIL,
        _build_support_finder(_is_mostly_unsupported),
        _CANIEMAIL_PAGE,
    ),
    ReviewRule(
        "html-partly-supported",
        "info",
        "10 to 49 % of mail programs do not support a feature of the HTML.",
        _CANIEMAIL,
        _build_support_finder(_is_partly_unsupported),
        _CANIEMAIL_PAGE,
    ),
    ReviewRule(
        "html-not-checked",
        "info",
        "The support of mail programs was not checked: the extra `html-check` is missing, or the HTML takes too long.",
        _CANIEMAIL,
        _find_unchecked_html,
        _CANIEMAIL_PAGE,
    ),
)
