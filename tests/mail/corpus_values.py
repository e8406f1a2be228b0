"""What the mails of the corpus were written with, and the cases in which the parser differs from others.

The keys are paths below `tests/mail/corpus`.
"""

# The one-time code of each mail.
CODES = {
    "code/01-english-text-device.eml": "804135",
    "code/02-german-html-digit-cells.eml": "730942",
    "code/03-french-alternative-grouped.eml": "418067",
    "code/04-spanish-subject-code.eml": "290471",
    "code/05-portuguese-html-windows1252.eml": "5823",
    "code/06-polish-text-iso8859-2.eml": "61940275",
    "code/07-russian-koi8r.eml": "370518",
    "code/08-ukrainian-html-windows1251.eml": "6281",
    "code/09-turkish-text-iso8859-9.eml": "905316",
    "code/10-greek-alternative-iso8859-7.eml": "114208",
    "code/11-arabic-html-rtl-digits.eml": "507293",
    "code/12-hebrew-text-iso8859-8-i.eml": "663190",
    "code/13-persian-related-logo.eml": "41772",
    "code/14-hindi-devanagari-digits.eml": "835016",
    "code/15-tamil-alternative.eml": "249618",
    "code/16-thai-tis620-digits.eml": "704218",
    "code/17-vietnamese-html.eml": "338720",
    "code/18-chinese-gb18030.eml": "526781",
    "code/19-japanese-iso2022jp-fullwidth.eml": "852034",
    "code/20-korean-html-euckr-table.eml": "479035",
}

# The `href` of each link in the HTML, then the URLs in the text.
LINKS = {
    "marketing/01-mailchimp.eml": [
        "https://flora.example.net/track/click?u=b00ccdbb39&id=1c0d7a&e=be24ad69fc",
        "https://flora.example.net/unsubscribe?u=b00ccdbb39&id=ede4b53575&e=be24ad69fc&c=a8d0ad03b7",
        "https://flora.example.net/track/click?u=b00ccdbb39&id=1c0d7a&e=be24ad69fc",
        "https://flora.example.net/unsubscribe?u=b00ccdbb39&id=ede4b53575&e=be24ad69fc&c=a8d0ad03b7",
    ],
    "marketing/02-sendgrid.eml": [
        "https://u497604.ct.example.com/ls/click?upn=u001.AbC-2BdEf-3D_Xy-2Fz",
        "https://u497604.ct.example.com/wf/unsubscribe?upn=u001.QwErTy",
        "https://u497604.ct.example.com/asm/?user_id=497604&data=abc",
        "https://u497604.ct.example.com/ls/click?upn=u001.AbC-2BdEf-3D_Xy-2Fz&e=1",
    ],
    "marketing/03-amazon-ses.eml": [
        "https://books.example.com/",
        "https://books.example.com/t/1?ref=mail",
        "https://books.example.com/t/2?ref=mail",
        "tel:+15550100",
        "mailto:help@example.com?subject=Help%20me",
        "https://books.example.com/t/1?ref=mail",
        "https://books.example.com/t/2?ref=mail",
        "mailto:help@example.com",
    ],
    "marketing/04-mjml-nodemailer.eml": [
        "https://resor.example.com/åland?utm_source=mail&utm_medium=e-post",
        "https://resor.example.com/åland",
    ],
    "marketing/05-klaviyo.eml": [
        "https://ctrk.example.com/l/01HX/a_b-c~d",
        "https://manage.example.com/unsubscribe/xyz",
        "https://ctrk.example.com/l/01HX/a_b-c~d",
        "https://manage.example.com/unsubscribe/xyz",
    ],
    "marketing/06-hubspot.eml": [
        "https://d2x.example.com/Ctc/RJ+113/d2x/VWabc-1W2?x=1&y=2#z",
        "#",
        "/relative/path?q=ä",
        "",
        "https://d2x.example.com/Ctc/RJ+113/d2x/VWabc-1W2?x=1#y",
    ],
    "marketing/07-brevo.eml": [
        "https://r.example.com/tr/cl/abcDEF123",
        "http://www.example.com/?a=b&copy=1&reg=2",
    ],
    "marketing/08-phpmailer.eml": [
        "https://example.com/points?id=12&k=é",
        "https://example.com/points?id=12&k=é",
    ],
    "marketing/09-swiftmailer.eml": [
        "https://garten.example.com/angebot?von=mail&amp=1",
        "https://garten.example.com/angebot",
    ],
    "marketing/10-symfony-mailer.eml": [
        "https://example.com/gave",
        "https://example.com/gave",
    ],
    "marketing/11-javamail-latin9.eml": [
        "https://kaese.example.com/gutschein;jsessionid=1A2B?von=mail",
    ],
    "marketing/12-dotnet-system-net-mail.eml": [
        "https://example.com/points",
        "https://example.com/points",
    ],
    "marketing/13-rails-actionmailer.eml": [
        "https://recipes.example.com/r/creme-brulee",
        "https://recipes.example.com/r/creme-brulee",
    ],
    "marketing/14-django.eml": [
        "https://example.com/łódź/nowości",
        "https://example.com/łódź/nowości",
    ],
    "marketing/15-marketing-cloud-amp.eml": [
        "https://click.example.com/?qs=aa11bb22cc33",
        "https://click.example.com/unsub_center.aspx?qs=dd44",
        "https://click.example.com/?qs=aa11bb22cc33",
    ],
    "marketing/16-perl-mime-lite.eml": [
        "http://trail.example.com/12.html",
    ],
    "marketing/17-mailman-footer.eml": [
        "https://hall.example.com/tickets",
        "https://hall.example.com/tickets",
    ],
    "marketing/18-outlook-word-newsletter.eml": [
        "https://example.com/b.pdf",
        "https://example.com/b.pdf",
    ],
    "marketing/19-acymailing-koi8r.eml": [
        "https://kniga.example.com/?utm_source=рассылка&id=7",
    ],
    "marketing/20-japanese-shop-iso2022jp.eml": [
        "https://ichiba.example.com/campaign/?id=1",
        "https://ichiba.example.com/campaign/?id=1",
    ],
}

# The defects of the mails that are not well-formed.  All other mails have none.
DEFECTS = {
    # Symfony puts the Content-ID of an embedded image into `name`.
    "marketing/10-symfony-mailer.eml": ["part 2: more than one file name"],
    # RFC 2045 6.3: private encodings are "explicitly and strongly discouraged".
    "invoice/14-unix-x-uuencode.eml": ["part 2: 'x-uuencode' is not a standard transfer encoding"],
    # RFC 2045 5.1: only a token may stand without quotes.
    "invoice/18-old-fax-server-unquoted-name.eml": [
        "part 2: white space or a bracket in a file name without quotes",
    ],
    # The server cut the mail, and so its last delimiters.
    "bounce/19-mailmarshal-truncated.eml": ["content: unterminated multipart"],
}

# A message within the message is exactly the bytes of the part, with CRLF, as the wire had them
# (`docs/reference/mail.md`, "Text").  `email` and GMime write it again with LF, MIME::Tools drops its last line end,
# and postal-mime makes it a part of the text.
BYTES_OF_PART = "the bytes of the part"

# Values that no majority reads, or that the parser reads differently on purpose, by field.
DECISIONS: dict[str, dict[str, object]] = {
    "bounce/01-postfix.eml": {"attachments[1]": BYTES_OF_PART},
    "bounce/06-office365.eml": {"attachments[1]": BYTES_OF_PART},
    "bounce/07-gmail-related-icon.eml": {"attachments[2]": BYTES_OF_PART},
    "bounce/08-amazon-ses.eml": {"attachments[1]": BYTES_OF_PART},
    "bounce/13-arf-feedback-report.eml": {"attachments[1]": BYTES_OF_PART},
    # RFC 2047 allows each charset of IANA, and UTF-7 is one (RFC 2152).  Three of six parsers decode it.
    "bounce/14-exchange2007-german.eml": {
        "subject": "Unzustellbar: Übersicht",
        "attachments[1]": BYTES_OF_PART,
    },
    "bounce/17-domino-nondelivery.eml": {"attachments[1]": BYTES_OF_PART},
    "bounce/20-apache-james.eml": {"attachments[0]": BYTES_OF_PART},
    "calendar/15-outlook-forwarded-invite.eml": {"attachments[0]": BYTES_OF_PART},
    "reply/06-outlook-web-nested-forwards.eml": {"attachments[0]": BYTES_OF_PART},
    "reply/07-thunderbird-forward-as-attachment.eml": {"attachments[0]": BYTES_OF_PART},
    "reply/12-mailman-digest.eml": {"attachments[0]": BYTES_OF_PART, "attachments[1]": BYTES_OF_PART},
    "reply/17-zimbra-forward-8bit-message.eml": {"attachments[0]": BYTES_OF_PART},
}
