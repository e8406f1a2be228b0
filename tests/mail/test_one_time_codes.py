"""One-time codes: what a reader sees as a code, in many languages and layouts."""

import pytest

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.one_time_codes import find_codes
from tests.mail.code_letters import IMPRINTS, LETTERS


def receive(content):
    envelope = Envelope("a@e.test", ("b@e.test",), mail_parameters={}, rcpt_parameters=({},))
    return Mail("1", envelope, [content.encode()])


# One code each, in the languages of the reader.
SENTENCES = [
    # English
    ("Your code: 654321 (10 minutes)", "654321"),
    ("Your code is 123456.Do not share it.", "123456"),
    ("123456 is your verification code", "123456"),
    ("Use 123456 to verify your account.", "123456"),
    ("Your one-time passcode is 1234.", "1234"),
    ("OTP: 12345678", "12345678"),
    ("<#> Your ExampleApp code is: 123456\nFA9qCX9VSuX", "123456"),
    ("PIN 4711 is valid until 10:30 on 2026-05-17.", "4711"),
    ("Your code for order 445566 is 7788.", "7788"),
    ("G-123456 is your Google verification code.", "123456"),
    ("FB-12345 is your Facebook confirmation code", "12345"),
    # German, Dutch, Swedish, Danish, Norwegian, Finnish, Icelandic, Estonian
    ("Dein Code: 654321 (10 Min. gültig)", "654321"),
    ("Ihr Bestätigungscode lautet: 654 321", "654321"),
    ("Ihre TAN für die Überweisung von 1.500,00 EUR: 482913", "482913"),
    ("Uw verificatiecode is 482913. Deze is 5 minuten geldig.", "482913"),
    ("Din verifieringskod är 482913", "482913"),
    ("Din bekræftelseskode er 482913", "482913"),
    ("Engangskoden din er 482913", "482913"),
    ("Vahvistuskoodisi: 482913", "482913"),
    ("Vahvistuskoodi on 482913", "482913"),
    ("Staðfestingarkóði: 482913", "482913"),
    ("Teie kinnituskood on 482913", "482913"),
    # French, Italian, Spanish, Portuguese, Catalan, Romanian
    ("Code : 654321 (10 minutes)", "654321"),
    ("Votre code de vérification est le 482 913", "482913"),
    ("Il tuo codice di verifica è 482913", "482913"),
    ("Tu código de verificación es 482913", "482913"),
    ("Su clave de acceso: 482913", "482913"),
    ("O seu código de confirmação é 482913", "482913"),
    ("Sua senha temporária: 482913", "482913"),
    ("El teu codi de verificació és 482913", "482913"),
    ("Codul tău de verificare este 482913", "482913"),
    # Polish, Czech, Slovak, Croatian, Russian, Ukrainian, Bulgarian, Lithuanian, Latvian, Hungarian
    ("Twój kod weryfikacyjny to 482913", "482913"),
    ("Váš ověřovací kód je 482913", "482913"),
    ("Vaš kod za potvrdu: 482913", "482913"),
    ("Код: 654321 (10 мин)", "654321"),
    ("Ваш код подтверждения: 482913. Никому его не сообщайте.", "482913"),
    ("Пароль для входа: 482913", "482913"),
    ("Ваш код підтвердження 482913", "482913"),
    ("Вашият код за потвърждение е 482913", "482913"),
    ("Jūsų patvirtinimo kodas: 482913", "482913"),
    ("Jūsu apstiprinājuma kods: 482913", "482913"),
    ("Az Ön megerősítő kódja: 482913", "482913"),
    # Turkish, Greek, Hebrew, Arabic, Persian, Urdu, Georgian, Armenian
    ("kod: 654321 (5 dk)", "654321"),
    ("Doğrulama kodunuz: 482913", "482913"),
    ("Şifreniz 482913'tür", "482913"),
    ("Ο κωδικός σας είναι 482913", "482913"),
    ("קוד האימות שלך הוא 482913", "482913"),
    ("رمز التحقق الخاص بك هو ٤٨٢٩١٣", "482913"),
    ("كود التفعيل: 482913", "482913"),
    ("کد تایید شما: ۱۲۳۴۵۶", "123456"),
    ("رمز یکبار مصرف: \u200f۱۲۳۴۵۶\u200e", "123456"),
    ("آپ کا کوڈ ۱۲۳۴۵۶ ہے", "123456"),
    ("თქვენი კოდი: 482913", "482913"),
    ("Ձեր կոդը՝ 482913", "482913"),
    # Hindi, Bengali, Tamil, Telugu, Thai, Vietnamese, Indonesian, Malay, Khmer, Lao
    ("आपका सत्यापन कोड १२३४५६ है", "123456"),
    ("আপনার কোড ১২৩৪৫৬", "123456"),
    ("உங்கள் OTP ௧௨௩௪௫௬", "123456"),
    ("మీ కోడ్ 482913", "482913"),
    ("รหัสของคุณคือ ๑๒๓๔๕๖", "123456"),
    ("รหัสยืนยันคือ๑๒๓๔๕๖ครับ", "123456"),
    ("Mã xác minh của bạn là 482913", "482913"),
    ("Ma\u0303 xa\u0301c minh: 482913", "482913"),
    ("Kode verifikasi Anda adalah 482913", "482913"),
    ("Kod pengesahan anda ialah 482913", "482913"),
    ("លេខកូដរបស់អ្នកគឺ ១២៣៤៥៦", "123456"),
    ("ລະຫັດຂອງທ່ານ ໑໒໓໔໕໖", "123456"),
    # Chinese, Japanese, Korean
    ("验证码:654321(10分钟内有效)", "654321"),
    ("【示例】您的验证码为１２３４５６，请勿泄露。", "123456"),
    ("驗證碼：４８２９１３", "482913"),
    ("認証コード:654321(10分間有効)", "654321"),
    ("認証コードは「１２３４５６」です。", "123456"),
    ("인증번호:654321(3분 이내)", "654321"),
    ("[예시] 인증번호 [482913]를 입력하세요.", "482913"),
]
# What stands beside the code has no effect, because a word is in the same sentence.
NEIGHBORS = [
    *(
        (f"Your code: 654321{rest}", "654321")
        for rest in (
            *(". 5 minutes left", " - 10 min", " – 10 min", " / 5 min", "/5 min", "  10 min", " 10 min", " 1 hour"),
            *(" (2FA)", " (6 digits)", " / 654 321", " 10:30", " [10 min]", " | 10 min", ", 10 minutes", "; 5 minutes"),
            *(" (valid 10 minutes)", ",10 min", " 2 of 3", " (1/2)", " {10}", " → 10", "... 3 left", " 15 minutter"),
        )
    ),
    *(
        (f"{before} is your code", "123456")
        for before in (
            *("Windows 11 123456", "(Example) 123456", "1) 123456", "Step 2. 123456", "Step 2 - 123456"),
            *("Sent 10:30. 123456", "Office 365 - 123456", "24/7 123456", "Attempt 1/3 - 123456", "Office 365 123456"),
            *("[Acme] 123456", "(1) 123456", "2FA: 123456", "Windows 11 123 456", "#1 123456", "v2.0 123456"),
            *("17.05.2026 123456", "2026-05-17 10:30 123456", "50 % 123456", "Acme 2026: 123456", "a1b2 123456"),
        )
    ),
    ("Your code (valid 10 minutes) 123456", "123456"),
    ("Your code (step 2 of 3): 123 456", "123456"),
]
# Brackets, quotes and marks of emphasis around the code.
FRAMES = [
    *((f"Your code {opening}123456{closing} expires soon", "123456") for opening, closing in ["()", "[]", "{}", "<>"]),
    *(
        (f"Code{opening}123456{closing}", "123456")
        for opening, closing in ["()", "（）", "【】", "「」", "«»", "“”", "[]"]
    ),
    *(
        (f"Your code is: {mark}123456{mark}", "123456")
        for mark in ["_", "__", "*", "**", "***", "`", "```", "~~", "'", '"', "|"]
    ),
    ("OTP(123456)", "123456"),
    ("Your 6-digit code (123456)", "123456"),
    ("Enter the code (123 456) now", "123456"),
    ("Your code is: **_123456_**", "123456"),
    ("code_123456", "123456"),
    ("Code-123456", "123456"),
    ("Bestätigungscode-123456", "123456"),
    ("код_123456", "123456"),
    ("OTP-123456", "123456"),
    ("OTP123456", "123456"),
    ("code=123456", "123456"),
    ("Your code is -123456-", "123456"),
    ("Your code: №123456", "123456"),
    ("# Your code\n\n## 123456", "123456"),
    ("> Your code\n> \n> 123456", "123456"),
    ("+--------+\n| 123456 | your code\n+--------+", "123456"),
    ("Enter this code:\n\n┃ 1 2 3 4 5 6 ┃\n", "123456"),
    ("Your code:\n1   2   3   4   5   6", "123456"),
    ("Verification code 12-34-56", "123456"),
    ("Code 1-2-3-4-5-6", "123456"),
    ("Code 1234\u20115678", "12345678"),
    ("Code 123\u200b456", "123456"),
    ("Your code is 123456\n\n@example.com #123456", "123456"),
    ("123456 ist dein Code\n\n@www.example.com #123456 @frame.example", "123456"),
    ("@example.com #A1B2C3", "A1B2C3"),
    ("MY CODE: 123456", "123456"),
    *(
        (f"Your code: 123{space}456", "123456")
        for space in "\u2000\u2002\u2003\u2004\u2005\u2006\u2008\u200a\u205f\xa0\u3000"
    ),
    *((f"Your code: 123{dot}456", "123456") for dot in "·•_"),
    ("Your code: 1·2·3·4·5·6", "123456"),
    ("Your code: 12_34_56.", "123456"),
    ("Your code: 1234·5678", "12345678"),
    ("Backup code 1234 5678", "12345678"),
]
# Codes of letters and digits, beside a word.
ALPHANUMERIC = [
    ("Your code is 9F3K-22QX", "9F3K-22QX"),
    ("Enter the code A1B2C3 to continue.", "A1B2C3"),
    ("A1B2C3 is your verification code", "A1B2C3"),
    ("Your one-time code:\n\n    X7K9Q2\n\nIt expires in 10 minutes.", "X7K9Q2"),
    ("Dein Code lautet: *AB12CD*", "AB12CD"),
    ("Ваш код: A1B2C3", "A1B2C3"),
    ("验证码：A1B2C3，5分钟内有效", "A1B2C3"),
    ("認証コードはA1B2C3です", "A1B2C3"),
    ("Code: ABC-123", "ABC-123"),
    ("Your code is a1b2c3.", "a1b2c3"),
    ("Device code (9F3K-22QX)", "9F3K-22QX"),
    ("Your code for Acme is WIN123X", "WIN123X"),
    ("Code: ABC123", "ABC123"),
    ("Code: １Ａ２Ｂ３Ｃ", "1A2B3C"),
    ("Backup code: A1B2-C3D4-E5F6", "A1B2-C3D4-E5F6"),
]


@pytest.mark.parametrize(("code", "text"), LETTERS)
def test_letter_has_one_code(code, text):
    assert find_codes([text], pytest.fail) == (code,)
    assert receive(f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}").codes == (code,)


@pytest.mark.parametrize("imprint", IMPRINTS)
@pytest.mark.parametrize("text", ["Your code: 654321\n{}", "Code: 654321\n\n--\n{}", "{}\n\n654321 is your code."])
def test_number_in_imprint_is_not_a_code(text, imprint):
    assert find_codes([text.format(imprint)], pytest.fail) == ("654321",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Windows 11, 12345 Is your code", "12345"),
        ("Code for Main Street 5, 12345 Enter it now", "12345"),
        ("Your code\n12345 Valid until noon", "12345"),
        ("Your code for device no. 5:\n12345", "12345"),
        ("Registered: 12345 is your code", "12345"),
        ("Company 12345 code", "12345"),
    ],
)
def test_code_is_not_taken_for_a_part_of_an_address(text, code):
    assert find_codes([text], pytest.fail) == (code,)


@pytest.mark.parametrize(("text", "code"), [*SENTENCES, *NEIGHBORS, *FRAMES, *ALPHANUMERIC])
def test_code_is_found(text, code):
    assert find_codes([text], pytest.fail) == (code,)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Codes: 123456 654321", ["123456", "654321"]),
        ("Codes: 123456, 654321", ["123456", "654321"]),
        ("Codes: 123456,654321", ["123456", "654321"]),
        ("Codes: 123456 / 654321", ["123456", "654321"]),
        ("Your codes are 1111 and 2222.", ["1111", "2222"]),
        ("Your backup codes:\n1111-2222\n3333-4444\n", ["11112222", "33334444"]),
        ("Your backup codes:\n1A2B-3C4D\n5E6F-7G8H\n", ["1A2B-3C4D", "5E6F-7G8H"]),
        # A noun in the same sentence makes a code certain.  Numbers in other sentences are left out then,
        # except on a line of their own.
        ("1234 is your code. 5678 was the old one.", ["1234"]),
        ("Your code is 1234. Ihre Vorgangsziffer 556677 bleibt gleich.", ["1234"]),
        ("Your code is 1234.\n\nEller brug:\n\n5678\n", ["1234", "5678"]),
        ("Your code is 1234\n\nExempel AB, 556677 Storby", ["1234"]),
        ("Your code is:\n\n482913 until noon\n\nExempel AB, 556677 Storby", ["482913", "556677"]),
        ("Verify your account 5566778 first. Then enter 482913 here.", ["5566778", "482913"]),
        ("Your order 445566 is confirmed. Your code is 7788.", ["7788"]),
        ("Reference 99887766. Code 1234. Call 555-1234.", ["1234"]),
        # Without a word, a number that stands for nothing else may be a code; it comes last.
        ("Enter 4711 now", ["4711"]),
        ("482913", ["482913"]),
        ("Here is your code.\n12345 Never share it.", ["12345"]),
        ("", []),
    ],
)
def test_several_codes_are_in_order(text, codes):
    assert list(find_codes([text], pytest.fail)) == codes


@pytest.mark.parametrize(
    "text",
    [
        # Telephone numbers
        "Call +1 555 123 4567 for your code.",
        "Call (555) 123-4567 for your code.",
        "Call 555-123-4567 or 1-800-555-1234 for a code.",
        "Call 555-1234 for your code.",
        "Tel. 030 1234567, code by SMS",
        "Tel.: 030/123456 (Code)",
        "Fax (030) 1234567: Code",
        "Code an 0171 1234567 gesendet",
        "Code envoyé au 06 12 34 56 78",
        "Kode sendt til 12 34 56 78",
        "验证码已发送至 138 1234 5678",
        "Code: text STOP to 72345",
        "Kod gönderildi: 0 532 123 45 67",
        "Code sent to 0049 170 1234567",
        # Dates, times, years
        "Your code was sent on 2026-05-17.",
        "Code sent 17.05.2026, 10:30:15",
        "Code sent 17/05/2026 at 1:30 pm",
        "Code of May 17, 2026",
        "Code vom 17. Mai 2026",
        "Код от 17 мая 2026",
        "Get your code before 2027.",
        "Code © 2026 Acme",
        "Copyright 2019-2026. Code of conduct",
        "Your code came at 1830 Uhr",
        # Money, quantities, percentages, sizes
        "Your code costs $1234.56.",
        "Code: pay 1500 EUR",
        "Code: pay EUR 1500",
        "Code: pay 1 500,00 €",
        "Code: pay 12'500 CHF",
        "Code for ₹15000",
        "Code for 3000 руб.",
        "验证码 3000元",
        "Use the code for 1234 %",
        "Code for 1500 points",
        "This code is used by 12 000 users.",
        "The code is valid for 3600 seconds.",
        "The code is 1024 bytes",
        "Code in 1920x1080 px",
        "The code has 1.234.567 lines, or 1,234,567.",
        # Orders, invoices, accounts, tracking
        "Order 445566 is confirmed, no code needed",
        "Order (#445566): code",
        "Order number: **445566** (code follows)",
        "Your code:\n\nOrder number:\n445566",
        "445566 is your order number, the code follows.",
        "Commande n° 445566 : code",
        "Zamówienie 445566, kod",
        "Заказ №445566, код",
        "Sipariş 445566 kod",
        "注文番号：445566 コード",
        "Invoice INV-445566, code",
        "Tracking number 445566778 code",
        "Tracking number: A1B2C3D4, code",
        "Card ending in 1234, code",
        "Card **** **** **** 1234, code",
        "Card XXXX-1234, code",
        "Code for card 4111 1111 1111 1111",
        "Code for IBAN DE89 3704 0044 0532 0130 00",
        "Booking code LH1234",
        # Addresses and postal codes
        "Zip code 94105",
        "Postal code: 12345",
        "Code postal : 75001",
        "Código postal 28013",
        "PLZ 10115",
        "Acme, 12345 Berlin",
        "Acme, Hauptstraße 1234",
        "Acme, 1600 Amphitheatre Parkway, Mountain View, CA 94043. No code",
        "D-10115 Berlin",
        "Confirm it.\n\nAcme, 12 rue de la Paix, 75002 Paris",
        "Suite 1200, Floor 1234",
        "邮编：100080",
        "〒1000001",
        # Codes of other kinds
        "Promo code 445566",
        "Use promo code SAVE2026",
        "Error code 5001",
        "Country code 0049",
        "Gutscheincode 445566",
        "优惠码：445566",
        "Source code: SHA256",
        "QR code A1B2C3",
        # Parts of words, hashes, URLs, addresses, versions
        "Code: https://example.com/123456?code=654321",
        "Code: ann123456@example.com",
        "The code is in commit a1b2c3d",
        "Code 550e8400-e29b-41d4-a716-446655440000",
        "Code d41d8cd98f00b204e9800998ecf8427e",
        "Your code has the color #A1B2C3",
        "Your code works with SHA256, UTF8, IPv6 and X509.",
        "New login with code from SM-G991B",
        "Your code needs Windows 10 build 22631",
        "The code runs at 192.168.100.200:8080",
        "user_123456 and id=123456, code",
        "Code 123456789",
        "tags 12345a and a12345, code",
        "Code word: sesame. ONE-TIME, E-MAIL",
        "Code 1.5",
        "Latitude 52.520008, code",
        "1 2 3 4 5 6 7 8 9, code",
        "A1B2C3 is closed",
        "A1B2C3 is closed " + "word " * 50 + "code",
        "Your code is in the attachment. iPhone 15, MP3, H264",
    ],
)
def test_number_with_another_meaning_is_not_a_code(text):
    assert find_codes([text], pytest.fail) == ()


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        # The code in a big cell of a table.
        ("<table><tr><td>Your code</td></tr><tr><td style='font-size:32px'>482913</td></tr></table>", ("482913",)),
        ("<table><tr><td>Code<tr><td>482913<tr><td>Acme, 1 Main St, Springfield, IL 62704</table>", ("482913",)),
        ("<table><tr><td>Code</td><td><b>482 913</b></td><td>10 min</td></tr></table>", ("482913",)),
        (
            "<p>Code:</p><table><tr><td>4</td><td>8</td><td>2</td><td>9</td><td>1</td><td>3</td></tr></table>",
            ("482913",),
        ),
        # A box for each digit.
        (f"<p>Your code:</p>{''.join(f'<div>{digit}</div>' for digit in '482913')}", ("482913",)),
        (f"<p>Your code:</p><ul>{''.join(f'<li>{digit}' for digit in '4829')}</ul>", ("4829",)),
        (
            f"<p>Code</p><table>{''.join(f'<td><table><tr><td>{digit}</table>' for digit in '48291307')}</table>",
            ("48291307",),
        ),
        (f"<p>Code</p>{''.join(f'<p>{digit}</p>' for digit in '482913')}<p>10 min</p>", ("482913",)),
        ("<p>Your code:</p><p>4 &middot; 8 &middot; 2 &middot; 9</p>", ("4829",)),
        ("<p>Your code:</p><p>4|8|2|9|1|3</p>", ("482913",)),
        ("<p>Your code:</p><p>482<b> - </b>913</p>", ("482913",)),
        ("<p>Your code:</p><p>4829 &ndash; 1307</p>", ("48291307",)),
        ("<p>Code</p><p>4 8 2 9 1 3</p><p>Expires 2027</p>", ("482913",)),
        # Lists, scales and long runs of digits.
        (f"<p>Rate our code:</p>{''.join(f'<div>{digit}</div>' for digit in range(1, 6))}", ()),
        (f"<p>Rate our code:</p>{''.join(f'<div>{digit}</div>' for digit in range(5, 0, -1))}", ()),
        (f"<p>Code:</p>{''.join(f'<div>{digit}</div>' for digit in '482913507')}", ()),
        (
            f"<p>Code:</p><p>{' &middot; '.join('482913507')}</p>",
            (),
        ),
        ("<p>Code</p><p>4|8|2|91</p>", ()),
        ("<p>Code</p><div>4</div><div>8</div><div>2</div>", ()),
        ("<p>Your code opens rooms 482 - 913.</p>", ()),
        ("<p>Your code is <span>482</span>&nbsp;<span>913</span></p>", ("482913",)),
        ("<p>Your code is <span>482</span><span>913</span></p>", ("482913",)),
        ("<h1>482913</h1><p>Use this code to sign in.</p>", ("482913",)),
        ("<ol><li>Open the app<li>Enter the code 482913</ol>", ("482913",)),
        ("<p>Order number</p><p>445566</p><p>Code</p><p>4711</p>", ("4711",)),
        ("<style>p{color:#123456}</style><p style='color:#123456'>Your code is <b>9F3K-22QX</b></p>", ("9F3K-22QX",)),
        ("<p>Your code: <code>A1B2C3</code></p><!-- code 9999 -->", ("A1B2C3",)),
        ("<p>&#x6f1;&#x6f2;&#x6f3;&#x6f4; \u06a9\u062f</p>", ("1234",)),
    ],
)
def test_code_is_found_in_html(content, codes):
    assert receive(f"Content-Type: text/html; charset=utf-8\r\n\r\n{content}").codes == codes


@pytest.mark.parametrize(
    ("subject", "codes"),
    [
        ("123456 is your Acme code", ("123456",)),
        ("Your Acme code (123456)", ("123456",)),
        ("[Acme] Code: A1B2C3", ("A1B2C3",)),
        ("Order #445566 confirmed", ()),
    ],
)
def test_code_is_found_in_subject(subject, codes):
    assert receive(f"Subject: {subject}\r\n\r\nHello\r\n").codes == codes


def test_characters_above_the_limit_are_not_searched_for_codes():
    reasons = []
    filler = "word " * (limits.MAX_CODE_SEARCH_CHARACTERS // 5)

    assert find_codes([f"Code 4711. {filler} Code 1234."], reasons.append) == ("4711",)
    assert reasons == ["codes are searched in the first 131,072 characters: truncated"]


@pytest.mark.parametrize(("text", "code"), [("code 1234{number}, ", "12340"), ("code 1A2B-{number}CD4, ", "1A2B-0CD4")])
def test_numbers_above_the_limit_are_not_searched(monkeypatch, text, code):
    monkeypatch.setattr("lazr.smtptest.mail.mime.limits.MAX_FINDS", 3)
    reasons = []

    codes = find_codes(["".join(text.format(number=number) for number in range(9))], reasons.append)
    assert (len(codes), codes[0]) == (3, code)
    assert set(reasons) == {"more than 3 numbers: truncated"}


def test_well_made_mail_above_the_limits_has_no_other_defect():
    lines = "".join(f"Line {number} of a long report without anything else in it.\r\n" for number in range(12_000))
    fields = "From: a@e.test\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@e.test>\r\n"
    mail = receive(f"{fields}\r\nYour code is 482913.\r\n{lines}")

    assert len(mail.text) > 4 * limits.MAX_CODE_SEARCH_CHARACTERS
    assert mail.codes[0] == "482913"
    assert [defect for defect in mail.defects if not defect.reason.endswith("truncated")] == []
