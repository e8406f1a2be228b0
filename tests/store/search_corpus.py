"""Mails that differ in everything that searches can find, and the terms to search for."""

from datetime import UTC, datetime, timedelta
from itertools import chain

from lazr.smtptest import Envelope
from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.store import (
    AddressTerm,
    Arrival,
    DateTerm,
    FlagTerm,
    HeaderTerm,
    SizeTerm,
    TagTerm,
    TextTerm,
    UserTerm,
    build_message_index,
    fold,
)

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

# Words that some comparisons get wrong: letter case, patterns, quotes, string terminators, foreign query syntax.
WORDS = [
    *(
        "welcome",
        "WELCOME",
        "come",
        "welcome to",
        "to  the",
        "Straße",
        "STRASSE",
        "ΣΊΣΥΦΟΣ",
        "σίσυφος",
        "ﬁnal",
        "FINAL",
    ),
    *("İstanbul", "istanbul", "ıspanak", "ISPANAK", "K", "K", "Ç", "Ç", "ҐАНОК", "ґанок", "Ꮳ", "ꮳ", "ǅ", "ǆ"),
    *(
        "日本語",
        "本",
        "שלום",
        "مرحبا",
        "привет, мир",
        "👩‍👩‍👧",
        "👧",
        "🎉",
        "🇨🇭",
        "e\u0301",
        "é",
        "\u200b",
        "\u00ad",
        "\ufeff",
        "�",
    ),
    *(
        "100%",
        "%",
        "_",
        "a_b",
        "axb",
        "\\",
        "\\\\",
        "\\n",
        "a\\",
        "'",
        '"',
        "''",
        '""',
        "'quoted'",
        '"quoted"',
        "*",
        "?",
        "wel*",
    ),
    *(
        "wel?ome",
        "[a-z]",
        "(",
        "(?i)",
        ".*",
        "^",
        "$",
        "|",
        "+",
        "{2}",
        "\\d",
        "#",
        "--",
        "-- ",
        ";",
        "/*",
        "*/",
        ":x",
        "?1",
        "$1",
    ),
    *(
        "' OR '1'='1",
        "'; DROP TABLE mails; --",
        "1; DELETE FROM mail",
        "\\'; SELECT 1",
        "%s",
        "%(x)s",
        "{0}",
        "%00",
        "NEAR(a b)",
    ),
    *("AND", "OR", "NOT", "a AND b", "welcome OR", '"welcome"*', "subject:welcome", "<b>", "&amp;", "<", ">", ",", "."),
    *(
        "a",
        "ab",
        "abc",
        "x" * 300,
        "x" * 1000,
        "y" * 3,
        "null",
        "NULL",
        "true",
        "0",
        "00",
        "7",
        "-7",
        "1e3",
        "\x1b[31m",
    ),
    *("\x00", "a\x00b", "\x00%", "\ud800", "\udfffb", "\x85", "\u2028", "\xa0", "a\tb", "a\nb", "a b", " ", ""),
    *(
        "ann",
        "ANN",
        "ann@example.com",
        "@",
        "@example.com",
        "example.com",
        "bücher",
        "xn--",
        "Example.COM>",
        "bob@",
        "Ann <ann",
    ),
]
WHERES = ("anywhere", "from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id")
PLACES = ("from", "to", "cc", "bcc", "reply-to", "sender", "recipient")
GLOBS = [
    *(
        "ann@example.com",
        "ANN@example.com",
        "ann@EXAMPLE.com",
        "ann",
        "*",
        "?",
        "",
        "*@*",
        "a*",
        "*.com",
        "*n@e*",
        "??? ",
        "???@*",
    ),
    *(
        "%",
        "_nn@example.com",
        "a_b@example.com",
        "a%b@example.com",
        "a%",
        "a\\b@example.com",
        "a\\*",
        "*\\*",
        '"a b"@example.com',
    ),
    *(
        '"a*',
        "'*",
        "o'brien@example.com",
        "*[ae]*",
        "[a]nn@example.com",
        "a.n@example.com",
        "*\x00*",
        "*\ud800*",
        "**",
        "*a*n*@*",
    ),
    *(
        "jürgen@bücher.example",
        "JÜRGEN@BÜCHER.example",
        "J?RGEN@b?cher.example",
        "*ß*",
        "*ss*",
        "x" * 64 + "@*",
        "*" + "z" * 250,
    ),
    *("*, *", "*\n*", "ann@example.com, bob@example.com", "{}", "$1", "*' OR '1'='1*", "?*@?*.?*"),
]
HEADERS = [
    "x-campaign",
    "x-empty",
    "x-none",
    "subject",
    "from",
    "x-odd",
    "x%",
    "x_odd",
    "",
    "received",
    "x-long",
    "'",
    "\x00",
    "x-grüße",
]
TAGS = [
    *(
        "one",
        "ONE",
        "two",
        "two words",
        "Two  Words",
        "straße",
        "STRASSE",
        "100%",
        "a_b",
        "axb",
        "a\\b",
        "o'neill",
        '"q"',
        "",
    ),
    *("*", "\x00", "🎉", "none", "t" * 100, "t" * 101, "late"),
]
USERS = ["ann", "Ann", "bob", "", "%", "a_n", "ann%", "'", "jürgen", "JÜRGEN", "\x00", "\ud800", "user\\", "*"]


def terms():
    """Yield terms of all kinds, with values that the query parser produces and some that it never does."""
    yield from (TextTerm(where, words) for where in WHERES for words in _folded(WORDS))
    yield from (AddressTerm(where, address) for where in PLACES for address in _folded(GLOBS))
    for name in HEADERS:
        for words in _folded(["", "welcome", "a", "%", "_", "grüße", "'", "\x00", "x" * 500, "second", "z" * 9000]):
            yield HeaderTerm(fold(name), words)
    yield from map(TagTerm, _folded(TAGS))
    yield from map(UserTerm, USERS)
    yield from map(FlagTerm, ("read", "tagged", "attachment", "inline"))
    for octets in (0, 1, 150, 151, 152, 1023, 1024, 1025, 10_000, 2**31, 2**53, 10**15):
        yield from (SizeTerm("larger", octets), SizeTerm("smaller", octets))
    for moment in (
        *(NOON, NOON - timedelta(microseconds=1), NOON + timedelta(microseconds=1), NOON - timedelta(days=1)),
        *(NOON + timedelta(minutes=7), datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
        *(datetime(1, 1, 2, tzinfo=UTC), datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
    ):
        yield from (DateTerm("after", moment), DateTerm("before", moment))


def _folded(texts):
    return dict.fromkeys(map(fold, texts))


def _message(body="", **fields):
    lines = [f"{name.replace('_', '-')}: {value}" for name, values in fields.items() for value in _all(values)]
    return "\r\n".join([*lines, "", body, ""]).encode("utf-8", "surrogatepass")


def _all(values):
    return values if isinstance(values, list) else [values]


ANN, BOB = "Ann <ann@example.com>", "bob@example.com"
UTF8 = "text/plain; charset=utf-8"
MIXED = "multipart/mixed; boundary=b"


def _parts(*parts):
    return "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"


# Pairs of a content, and the attributes that differ from the defaults.
SOURCES = [
    (_message("Hello", From=ANN, To=BOB, Subject="Welcome to the club"), {}),
    (
        _message("hello", From="ANN@EXAMPLE.COM", To="Bob <BOB@example.com>", Subject="WELCOME"),
        {"sender": "ANN@example.com"},
    ),
    (
        _message("to be", From=BOB, To=ANN, Cc="carol@example.com, " + ANN, Subject="welcome"),
        {"to": ["carol@example.com"]},
    ),
    (_message("a b", From=[ANN, BOB], Reply_To="No Reply <noreply@example.com>", Subject="club"), {"user": "ann"}),
    (_message("a\r\nb", From="Ann , Bob <bob@example.com>", To="undisclosed-recipients:;"), {"user": "Ann"}),
    (_message("a_b", Subject="a_b", X_Campaign="Welcome"), {"user": "a_n", "sender": "a_b@example.com"}),
    (_message("axb", Subject="axb", X_Campaign=["first", "second"]), {"user": "axn", "sender": "axb@example.com"}),
    (_message("100% a%b", Subject="100%", X_Campaign="100% welcome"), {"sender": "a%b@example.com", "tags": ["100%"]}),
    (_message("1000 times", Subject="1000"), {"user": "%"}),
    (_message("back\\slash \\n \\\\", Subject="a\\b"), {"sender": "a\\b@example.com", "tags": ["a\\b"]}),
    (
        _message("it's 'quoted' \"quoted\" '' \"\"", Subject="it's"),
        {"sender": "o'brien@example.com", "tags": ["o'neill", '"q"']},
    ),
    (_message("' OR '1'='1", Subject="'; DROP TABLE mails; --", X_Campaign="'"), {"to": ["' OR '1'='1@example.com"]}),
    (_message("1; DELETE FROM mail -- x", Subject="%s %(x)s {0} %00 :x ?1 $1"), {"user": "'"}),
    (_message("w* wel*ome wel?ome [a-z] (?i) .* ^$ | + {2} \\d", Subject="*?"), {"tags": ["*"], "user": "*"}),
    (_message("NEAR(a b) a AND b OR NOT c", Subject="subject:welcome"), {}),
    (_message("Straße", Subject="STRASSE", Content_Type=UTF8), {"tags": ["Straße"], "to": ["strasse@example.com"]}),
    (_message("strasse", Subject="Straße", Content_Type=UTF8), {"to": ["straße@example.com"]}),
    (_message("ΣΊΣΥΦΟΣ", Subject="Σίσυφος", Content_Type=UTF8), {}),
    (_message("σίσυφοσ ﬁnal", Subject="ﬁnal FINAL", Content_Type=UTF8), {}),
    (_message("İstanbul", Subject="ISTANBUL ıspanak", Content_Type=UTF8), {}),
    (_message("ISPANAK i̇stanbul", Subject="K elvin K", Content_Type=UTF8), {}),
    (_message("ҐАНОК Ꮳ ǅ", Subject="Ґанок ꮳ ǆ", Content_Type=UTF8), {}),
    (_message("Çelik", Subject="Çelik e\u0301 é", Content_Type=UTF8), {}),
    (_message("日本語のメール", Subject="=?utf-8?b?5pel5pys6Kqe?=", Content_Type=UTF8), {}),
    (_message("שלום مرحبا", Subject="Привет, мир", Content_Type=UTF8), {}),
    (_message("👩‍👩‍👧 🎉", Subject="🇨🇭 🎉", Content_Type=UTF8), {"tags": ["🎉"]}),
    (_message("soft\u00adhyphen zero\u200bwidth bom\ufeff", Subject="a\xa0b a\x85b", Content_Type=UTF8), {}),
    (_message("a\tb  c\u2028d", Subject="folded\r\n over\r\n\tlines", Content_Type=UTF8), {}),
    (b"Subject: nul a\x00b\r\nX-Tags: nul\x00tag\r\n\r\nbody a\x00b\r\n", {}),
    (b"Subject: =?utf-7?q?+2AA-?= =?utf-8?q?a=00b?=\r\n\r\n\xed\xa0\x80 \xff\xfe\r\n", {}),
    (_message("�", Subject="\x1b[31mred"), {}),
    (_message("x" * 5000, Subject="x" * 300 + " abc"), {}),
    (_message("y yy yyy", Subject="y" * 20_000, X_Long="z" * 20_000), {}),
    (_message("word " * 3000 + "welcome", Subject="long text"), {}),
    (_message("many", To=", ".join(f"user{n} <u{n}@example.com>" for n in range(300))), {}),
    (_message("", Subject=""), {}),
    (b"", {}),
    (b"\r\n", {}),
    (b"no header, only text: welcome", {"sender": ""}),
    (_message("bounce", From="<>", Subject="failure"), {"sender": "", "to": ["bounces+ann=example.com@example.com"]}),
    (_message("<b>bold</b> &amp; <i>welcome</i>", Content_Type="text/html", Subject="<b>"), {}),
    (_message("a &lt; b, 1 > 0.", Content_Type="text/html"), {}),
    (
        _message(
            _parts(
                "Content-Type: text/plain\r\n\r\nsee the file",
                'Content-Disposition: attachment; filename="invoice welcome 100%.pdf"\r\n\r\n%PDF',
                'Content-Disposition: attachment; filename="second_file.txt"\r\n\r\nnot searched',
            ),
            Content_Type=MIXED,
        ),
        {},
    ),
    (
        _message(
            _parts(
                "Content-Type: text/html\r\n\r\n<img src='cid:a'>",
                "Content-Type: image/png\r\nContent-ID: <a>\r\nContent-Disposition: inline\r\n\r\npng",
            ),
            Content_Type="multipart/related; boundary=b",
        ),
        {},
    ),
    (
        _message(
            _parts(
                "Content-Type: text/plain\r\n\r\nboth",
                "Content-Type: image/png\r\nContent-Disposition: inline; filename=i.png\r\n\r\npng",
                "Content-Type: image/png\r\nContent-Disposition: attachment; filename=ünï.png\r\n\r\npng",
            ),
            Content_Type=MIXED,
        ),
        {},
    ),
    (_message("tags", X_Tags="one, Two Words,two,,ONE"), {"tags": ["late", "Two"]}),
    (_message("tags", X_Tags=["ONE", "three, " + "t" * 150]), {}),
    (_message("many tags", X_Tags=", ".join(f"tag{n}" for n in range(50))), {"tags": ["a_b", "axb"]}),
    (_message("id", Message_ID="<Abc.100%@Example.com>", X_Campaign=""), {"user": "jürgen"}),
    (_message("id", Message_ID="not one, welcome", X_Empty=["", " "]), {"user": "JÜRGEN"}),
    (_message("id", Message_ID="<a_b@example.com>", Received=["from a", "from b"]), {"user": "bob"}),
    (_message("odd", **{"X%": "welcome", "X_Odd": "a"}), {"user": "user\\"}),
    ("X-Odd: Grüße\r\nX-ODD: second\r\nX-Grüße: welcome\r\n\r\nodd".encode(), {"user": "ann%"}),
    (
        _message("local", To='"a b"@example.com'),
        {"to": ['"a b"@example.com', '"a\\"b"@example.com', '"A B"@example.com']},
    ),
    (_message("utf8", From="Jürgen <jürgen@bücher.example>"), {"sender": "jürgen@bücher.example", "utf8": True}),
    (_message("utf8", To="JÜRGEN@BÜCHER.example"), {"to": ["Jürgen@Bücher.example"], "utf8": True}),
    (_message("long", Cc="x" * 64 + "@example.com"), {"to": ["x" * 64 + "@" + "z" * 250]}),
    (
        _message("commas", To='"Lee, Ann" <ann@example.com>, bob@example.com'),
        {"to": ["ann@example.com", "bob@example.com"]},
    ),
    (_message("dup"), {"to": ["ann@example.com", "ann@example.com", "ANN@example.com"]}),
    (_message("octets" * 3, Subject="padded to 1024").ljust(1024, b"."), {}),
]


def library():
    """Yield the arrivals in order, a minute apart, around noon."""
    for number, (content, other) in enumerate(SOURCES):
        to = tuple(other.get("to", ["bob@example.com"]))
        envelope = Envelope(
            other.get("sender", "app@example.com"),
            to,
            mail_parameters={"SMTPUTF8": ""} if "utf8" in other else {},
            rcpt_parameters=tuple({} for _ in to),
            auth=Credentials("PLAIN", other["user"], password="secret") if "user" in other else None,
        )
        at = NOON + timedelta(minutes=number - 30)
        # Sizes are unique, so that a sum of sizes nearly identifies the mails.
        padded = content + b"." * (number if number % 2 else 0)
        yield Arrival(
            f"mail{number:02}", at.timestamp(), envelope, [padded[:9], padded[9:]], tuple(other.get("tags", ()))
        )


class Facts:
    """Everything that a search can ask of an arrival, extracted without a store: the reference for all stores."""

    def __init__(self, arrival, *, read=False, tags=None):
        index = build_message_index(
            Mail(arrival.id, arrival.envelope, list(arrival.parts), received_at=arrival.received_at)
        )
        self.id = arrival.id
        self.size = arrival.size
        self.read = read
        self.username = arrival.envelope.auth.username if arrival.envelope.auth else ""
        self.received_at = datetime.fromtimestamp(arrival.received_at, UTC)
        tags_by_key = {}
        for tag in chain(arrival.tags, index.tags):
            tags_by_key.setdefault(fold(tag), tag)
        self.tags = list(tags_by_key.values())[:20] if tags is None else tags
        self.texts, self.addresses, self.headers = index.texts, index.addresses, index.headers
        self.attachments, self.inlines = index.attachments, index.inlines

    def matches(self, search):
        return all(term.matches(self) for term in search)
