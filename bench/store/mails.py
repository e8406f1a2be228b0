"""Mails of about 3 KB with text and HTML: all different, and cheap to build."""

from __future__ import annotations

import random
from itertools import accumulate

COMMON_WORD = "unsubscribe"  # in the text of each mail
HALF_WORD = "newsletter"  # in the Subject of every second mail
TENTH_WORD = "invoice"  # in the Subject of every tenth mail

_ENGLISH = (
    "order customer delivery status account payment thank please confirm address reset password team project update "
    "release version error warning report monthly weekly summary total amount shipping tracking number support contact "
    "question answer welcome offer discount event registration ticket seat calendar reminder subscription renewal the "
    "to of and a in is your for with on you this that from by we our at as it are be will not or have if can"
)
_SYLLABLES = "ba ce di fa gu ha ki lo mu na pe qui ro sta ter ul ver win xa yo zen bran chi dor el fin gro"
_GENERATED_WORDS = 6000
_PARAGRAPHS = 5000
_PARAGRAPHS_PER_MAIL = 10
_USERS = 5000


class MailBuilder:
    """Build the mail of a number: always the same bytes, in every process.

    The text consists of ten paragraphs out of 5,000.  Their words are distributed as in natural language: few words
    are frequent, and most of 6,000 are rare.
    """

    def __init__(self) -> None:
        generator = random.Random(13)
        words = _ENGLISH.split()
        words += ["".join(generator.choices(_SYLLABLES.split(), k=3)) for _ in range(_GENERATED_WORDS)]
        cumulative_weights = list(accumulate(1 / (rank + 2) for rank in range(len(words))))
        lines = [generator.choices(words, cum_weights=cumulative_weights, k=11) for _ in range(_PARAGRAPHS)]
        self._paragraphs = [" ".join(line).capitalize() + "." for line in lines]

    def build(self, number: int) -> tuple[str, bytes]:
        """Return the recipient of a mail and its content."""
        mixed = number * 2_654_435_761 & 0xFFFFFFFF  # Knuth's multiplicative hash
        chosen = [self._paragraphs[(mixed + place * 7_919_993) % _PARAGRAPHS] for place in range(_PARAGRAPHS_PER_MAIL)]
        user = f"user{mixed % _USERS}"
        kind = TENTH_WORD if number % 10 == 0 else HALF_WORD if number % 2 else "notice"
        link = f"https://app.example.com/confirm?user={mixed % _USERS}&token={mixed * 40_503:016x}{number:08x}"
        text = "\r\n".join(chosen)
        html = "".join(f'<p style="margin:0;padding:4px">{paragraph}</p>\r\n' for paragraph in chosen)
        return f"{user}@example.org", (
            f"Received: from app{mixed % 9}.example.com ([10.0.{mixed % 256}.7]) by mx.example.com with ESMTPS"
            f" id {mixed:08x}\r\n"
            f"Date: Sat, 28 Nov 2026 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02} +0000\r\n"
            f"Message-ID: <{mixed:08x}.{number}@app.example.com>\r\n"
            f"From: Shop {mixed % 50} <shop{mixed % 50}@example.com>\r\n"
            f"To: {user.title()} <{user}@example.org>\r\n"
            f"Subject: {kind.title()} {number}: {chosen[0][:30]}\r\n"
            "MIME-Version: 1.0\r\n"
            f"X-Mailer: app 1.{mixed % 9}\r\n"
            f'Content-Type: multipart/alternative; boundary="b{number}"\r\n\r\n'
            f"--b{number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            f"Dear {user},\r\n\r\n{text}\r\n\r\nConfirm: {link}\r\nTo {COMMON_WORD}, reply to this mail.\r\n"
            f"--b{number}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
            f"<!doctype html><html><body><p>Dear {user},</p>\r\n{html}"
            f'<p><a href="{link}">Confirm</a></p><p>To {COMMON_WORD}, reply to this mail.</p></body></html>\r\n'
            f"--b{number}--\r\n"
        ).encode()
