"""One-time codes in a mail, the likeliest first."""

from __future__ import annotations

import re
from bisect import bisect_left

from lazr.smtptest.mail.mime import caps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["codes_in"]

# A letter or digit of a script that puts spaces between words.  Those of the others (Thai, Lao, Burmese, Khmer, and
# what is written in China, Japan and Korea) may touch a number that they are no part of.
_LETTER = (
    r"[^\W\u0e00-\u0e4f\u0e5a-\u0ecf\u0eda-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff"
    r"\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
# 4 to 8 digits, or as people group them: 123 456, 123-456, 12 34 56, 1234-5678, 1 2 3 4 5 6; `G-` may come before.
# The first group is what also stands before what is no code, and the dot in the second may be that of a number.
_CODE = re.compile(
    rf"(?<!{_LETTER})(?<![.,/+#@&%$€£¥₹'-])(?<!\d[ ,:=])(#?)(?:[A-Z]{{1,3}}-)?"
    r"([0-9]{4}[ -][0-9]{4}|[0-9]{3}[ .-][0-9]{3}|[0-9]{2}(?:[ -][0-9]{2}){2}|[0-9]{4,8}|[0-9](?:[ -][0-9]){3,7})"
    rf"(?!{_LETTER}|[%°@]|[.,:/'][0-9]|-{_LETTER})"
)
# What around them makes them something else.
_PART_OF_NUMBER_BEFORE = re.compile(r"(?:[0-9)][ \t]?[-./()]?[ \t]?|[+(][ \t]?)\Z")
_PART_OF_NUMBER_BEHIND = re.compile(
    r"[ \t]?[-./()]?[ \t]?[0-9]|[ \t]?(?:[€£¥₹$]|(?:EUR|USD|GBP|CHF|JPY|kr|zł|k[mgB]|[MG]B|sec|min|hour|day|Sekunden|"
    r"Minuten|Stunden|points|users|people)|[年元円圆圓块塊万萬億亿秒人個个件]|[원년명개]|บาท)"
)
# What is numbered ...
_NUMBERED = (
    r"orders?|bestellung|pedido|commande|ordine|invoice|rechnung|facture|ticket|customer|kunden|tel|telefon|phone|fax|"
    r"(?:zip|postal|post)(?:[ -]?code)?|plz|p\.?o\.? box|room|suite|floor|since|seit|ref|reference|rfc|port|"
    r"error|iban|vat"
)
# ... and what is only if the word "number" follows, which may be one word with it.
_NUMBERED_IF_SAID = (
    r"account|booking|card|case|client|contract|device|item|member(?:ship)?|model|part|policy|product|reservation|serial|"
    r"shipment|tracking|transaction|user|artikel|auftrags?|bestell?|buchungs?|fall|faktura|kund|konto|liefer|mitglieds?|"
    r"ordre|rechnungs|referenz|sendungs|serien|steuer|telefoon|vertrags|vorgangs?"
)
_NUMBER = r"[ \t-]*(?:numbers?|numm?er|num|nr|no|id)\b"
_SOMETHING_ELSE_BEFORE = re.compile(
    r"(?:[€£¥₹$©〒]|\(c\)|"
    rf"\b(?:EUR|USD|GBP|CHF|JPY|copyright|(?:{_NUMBERED})(?:{_NUMBER})?|(?:{_NUMBERED_IF_SAID}){_NUMBER})|"
    r"[订訂][单單](?:[编編]?[号號])?|(?:运单|運單|快递|快遞|发票|發票|账|帳)[号號]|尾[号號]|电话|電話|手机号?|邮编|"
    r"(?:注文|予約|伝票|会員|お客様|電話|郵便|受付)番号|(?:주문|송장|예약|회원|고객|전화|우편) ?번호)"
    r"(?:[ \t]+(?:is|ist|est|es|är|er)\b|[ \t]?[是为為はが는은])?[ \t.:：＃#№°-]*\Z",
    re.IGNORECASE,
)
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_DATE = re.compile("(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_WORD = re.compile(
    r"code(?:s|n)?(?![a-z])|\b(?:otp|pin|tan|[2m]fa|kod[eiu]?|mã)\b|one[ -]time|verif|confirm|pass[ -]?(?:code|phrase)|"
    r"authenti[cf]|bestätig|einmal|passwor[dt]|kennwort|mot de passe|contraseña|clave|senha|token|log[ -]?in|"
    r"sign[ -]?in|anmeld|c[óo]digo|codice|codul|kód|koodi|kodas|kods|koden|doğrula|κωδικ|\bкод|парол|"
    r"验证码|驗證碼|校验码|动态码|認証|確認|コード|인증|코드|รหัส|رمز|קוד|कोड",
    re.IGNORECASE,
)
_OTHER_CODE = re.compile(
    r"(?:\b(?:zip|post|postal|promo|promotion|discount|coupon|voucher|area|country|error|status|source|qr|gift|dress)"
    r"[ -]?|bar)\Z",
    re.IGNORECASE,
)
_NEAR = 200  # characters; a word further away says nothing about a number
_BESIDE = 25  # ... and one as near as this makes a code of what would be none
_URLS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{1,20}+://|www\.|mailto:)[^\s<>\"]*+")
_MAIL_ADDRESS = re.compile(r"(?<![^\s@<>\"])[^\s@<>\"]{1,64}+@[^\s@<>\"]{1,255}+")
_ALIKE = {
    **dict.fromkeys(map(ord, "\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}"), " "),
    **dict.fromkeys(map(ord, "\N{NON-BREAKING HYPHEN}\N{HYPHEN}\N{EN DASH}\N{FIGURE DASH}"), "-"),
}


def codes_in(texts: Iterable[str], note: Note) -> tuple[str, ...]:
    """The codes in several texts, digits only, each once: nearest to a word such as "code" first.

    >>> codes_in(["Order 778899\\n\\nYour code is 123 456.\\nIt is good for 10 minutes. (c) 2026"], print)
    ('123456',)
    """
    ranked: dict[str, tuple[int, int, int, int]] = {}
    for place, text in enumerate(texts):
        for digits, tier, distance, at in _found(text, note):
            rank = (tier, distance, place, at)
            if digits not in ranked or rank < ranked[digits]:
                ranked[digits] = rank
    return tuple(sorted(ranked, key=ranked.__getitem__))


def _found(text: str, note: Note) -> Iterable[tuple[str, int, int, int]]:
    if len(text) > caps.CODES:
        note(f"codes are looked for in the first {caps.CODES:,} characters: truncated")
    text = text[: caps.CODES].translate(_ALIKE)
    # Digits in URLs and addresses are not meant; what they stood in keeps its length.
    text = _URLS.sub(lambda match: "|" * len(match[0]), text)
    if "@" in text:
        text = _MAIL_ADDRESS.sub(lambda match: "|" * len(match[0]), text)
    words = [
        match.span()
        for match in _WORD.finditer(text)
        if _OTHER_CODE.search(text, max(0, match.start() - 12), match.start()) is None
    ]
    begins = [begin for begin, _ in words]
    for count, match in enumerate(_CODE.finditer(text)):
        if count >= caps.FINDS:
            note(f"more than {caps.FINDS:,} numbers: truncated")
            return
        begin, end = match.span()
        digits = re.sub("[ .-]", "", match[2])
        before = text[max(0, begin - 40) : begin].rpartition("\n")[2]
        behind = text[end : end + 12].partition("\n")[0]
        if (
            _PART_OF_NUMBER_BEFORE.search(before)
            or _PART_OF_NUMBER_BEHIND.match(behind)
            or _SOMETHING_ELSE_BEFORE.search(before)
        ):
            continue
        distance = _distance(words, begins, begin, end)
        near = distance <= _NEAR
        if match[1] or "." in match[2]:  # mostly an issue's number, or a thousand's
            if distance <= _BESIDE:
                yield digits, 1, distance, begin
            continue
        alone = not before.strip(" \t*|>:") and not behind.strip(" \t*|.<")
        if _YEAR.fullmatch(digits) or _DATE.fullmatch(digits):
            if alone and near:
                yield digits, 0, distance, begin
            elif distance <= _BESIDE:
                yield digits, 1, distance, begin
        elif near:
            yield digits, 0, distance // 4 if alone else distance, begin
        else:
            yield digits, 2, 0 if alone else 1, begin


def _distance(words: list[tuple[int, int]], begins: list[int], begin: int, end: int) -> int:
    """Characters to the nearest word; one that comes behind the number counts as twice as far."""
    index = bisect_left(begins, begin)
    nearest = _NEAR + 1
    if index:
        nearest = max(0, begin - words[index - 1][1])
    if index < len(words):
        nearest = min(nearest, 2 * (words[index][0] - end))
    return nearest
