"""Mails with a one-time code, as their readers get them: a greeting, the code, and the imprint of the sender."""

LETTERS = [
    (
        "482913",
        """\
Ciao Giulia,

il tuo codice di conferma è 482913.
Scade tra 10 minuti (alle 14:32 del 5 luglio 2026).

Esempio S.r.l. - Via Garibaldi, 24 - 20121 Milano (MI) - P.IVA 01234567890 - Cap. soc. € 10.000 - \
Assistenza: 02 1234 5678""",
    ),
    (
        "5512",
        """\
Beste Jan,

Je inlogcode: 5512

Deze code is 15 minuten geldig. Klantnummer 4455667.

Voorbeeld B.V.
Keizersgracht 123
1015 CJ Amsterdam
KvK-nummer 12345678
BTW NL001234567B01
Tel. 020-1234567""",
    ),
    (
        "730415",
        """\
Hej Astrid!

Använd koden 730 415 för att logga in. Koden gäller i 5 minuter.

Ordernr 99887766
Exempel AB, Box 1234, 101 23 Stockholm, org.nr 556677-8899, kundtjänst 08-123 45 67""",
    ),
    (
        "90211",
        """\
Hej Mette,

Din engangskode er: 90211
Koden udløber kl. 14.05.

Eksempel A/S, Vesterbrogade 12, 1620 København V, CVR-nr. 12345678, tlf. 70 10 20 30""",
    ),
    (
        "664120",
        """\
Hei Aino,

Kertakäyttöinen vahvistuskoodisi on 664120. Se on voimassa 10 minuuttia.

Esimerkki Oy, PL 123, 00101 Helsinki, Y-tunnus 1234567-8, puh. 09 123 4567, asiakasnumero 778899""",
    ),
    (
        "771903",
        """\
Dobrý den, Jano,

váš ověřovací kód je 771903. Platí 10 minut.

Příklad s.r.o., Dlouhá 12, 110 00 Praha 1, IČ: 12345678, DIČ: CZ12345678, tel.: 222 333 444, č. \
objednávky 2026001234""",
    ),
    (
        "38120",
        """\
Kedves Anna!

Az Ön egyszer használatos kódja: 38120
A kód 5 percig érvényes.

Példa Kft., 1011 Budapest, Fő utca 12., adószám: 12345678-2-41, ügyfélszám: 556677, telefon: +36 1 \
123 4567""",
    ),
    (
        "559021",
        """\
Bună, Ioana,

Codul tău de verificare este 559021. Expiră în 10 minute.

Exemplu SRL, Str. Lungă nr. 5, 010011 București, CUI 12345678, J40/1234/2020, comanda nr. 778812, \
tel. 021 123 4567""",
    ),
    (
        "640118",
        """\
Здравейте, Мария,

Вашият код за потвърждение е 640118. Валиден е 10 минути.

Пример ООД, ул. Дълга 5, 1000 София, ЕИК 123456789, клиентски номер 445566""",
    ),
    (
        "27735",
        """\
Poštovani, Ivane,

Vaš kod za prijavu: 27735
Vrijedi 5 minuta.

Primjer d.o.o., Ilica 5, 10000 Zagreb, OIB 12345678901, broj narudžbe 556677""",
    ),
    (
        "830917",
        """\
Halo Budi,

Kode OTP Anda adalah 830917. Berlaku selama 5 menit. JANGAN berikan kode ini kepada siapa pun.

PT Contoh, Jl. Sudirman No. 5, Jakarta 10220, Call Center 1500 123, No. pesanan 8812345""",
    ),
    (
        "414209",
        """\
Hai Siti,

Kod pengesahan anda ialah 414209. Sah selama 3 minit.

Contoh Sdn. Bhd. (123456-A), Jalan Ampang 5, 50450 Kuala Lumpur, No. akaun 778899""",
    ),
    (
        "552817",
        """\
প্রিয় রহিম,

আপনার যাচাইকরণ কোড: ৫৫২৮১৭
কোডটি ৫ মিনিটের জন্য বৈধ।

অর্ডার নং ৭৭৮৮৯৯, হটলাইন ১৬২৪৭""",
    ),
    (
        "661204",
        """\
ప్రియమైన రవి,

మీ ధృవీకరణ కోడ్ 661204. ఇది 10 నిమిషాలు చెల్లుతుంది.
""",
    ),
    (
        "907733",
        """\
محترم علی،

آپ کا تصدیقی کوڈ ۹۰۷۷۳۳ ہے۔ یہ ۱۰ منٹ کے لیے کارآمد ہے۔
آرڈر نمبر ۵۵۶۶۷۷
""",
    ),
    (
        "118274",
        """\
მოგესალმებით, ნინო,

თქვენი ერთჯერადი კოდია: 118274
კოდი მოქმედებს 5 წუთის განმავლობაში.

შპს მაგალითი, ს/კ 123456789""",
    ),
    (
        "604417",
        """\
Հարգելի Անի,

Ձեր հաստատման կոդն է՝ 604417
Կոդը վավեր է 5 րոպե։
""",
    ),
    (
        "735502",
        """\
Habari Juma,

Msimbo wako wa uthibitishaji ni 735502. Utaisha baada ya dakika 10.
""",
    ),
    (
        "482913",
        """\
Kære kunde

Din bekræftelseskode

482 913

Har du spørgsmål? Ring 70 20 30 40 mellem 8 og 16. Sagsnr. 2026-11223
Købmagergade 1, 1150 København K""",
    ),
    (
        "293847",
        """\
Уважаемый клиент!

Ваш код: 293847

Заказ № 5566778 от 05.07.2026 на сумму 1 234,56 ₽. Телефон: 8 800 555-35-35. 101000, г. Москва, ул. \
Примерная, д. 5""",
    ),
    (
        "604822",
        """\
您好，張小姐：

您的一次性密碼為 604822，請於5分鐘內輸入。

訂單編號 2026070512345
範例股份有限公司 統一編號 12345678 客服專線 0800-123-456 台北市 10041 中正區範例路5號""",
    ),
    (
        "390174",
        """\
お客様

本人確認コード

390174

有効期限 10分

株式会社例示 〒150-0002 東京都渋谷区渋谷2-1-1 TEL 03-5555-0123 登録番号T1234567890123 会員番号 \
88776655""",
    ),
    (
        "582016",
        """\
안녕하세요, 홍길동님.

인증코드는 582016 입니다. 5분 이내에 입력해 주세요.

주문번호 20260705-1234567
(주)예시 서울특별시 강남구 테헤란로 123 (06133) 대표번호 02-1234-5678 통신판매업신고 \
제2020-서울강남-01234호""",
    ),
    (
        "120764",
        """\
Γεια σου Ελένη,

Ο κωδικός επαλήθευσης είναι: 120764
Λήγει σε 10 λεπτά.

Παράδειγμα Α.Ε., Σταδίου 5, 105 62 Αθήνα, ΑΦΜ 123456789, Αρ. παραγγελίας 445566, τηλ. 210 123 4567""",
    ),
    (
        "A7K-29F",
        """\
Hi,

your recovery code is A7K-29F. Case 00123456. Example Inc, 500 Terry A. Francois Blvd, San \
Francisco, CA 94158""",
    ),
    (
        "884412",
        """\
Olá, Inês,

o seu código de verificação é 884412. É válido durante 10 minutos.

Exemplo, Lda., Rua Augusta, 12, 1100-053 Lisboa, NIPC 501234567, encomenda n.º 778899, linha de \
apoio 707 123 456""",
    ),
    (
        "775301",
        """\
Hola, Marta:

Tu código de un solo uso:

775301

Válido hasta las 18:45 h. Nº de pedido: 40012233. Ejemplo S.A., Gran Vía, 28, 28013 Madrid. CIF \
A12345678. Atención al cliente: 91 123 45 67""",
    ),
    (
        "441200",
        """\
สวัสดีคุณสมชาย

รหัส OTP ของคุณคือ 441200 (Ref: ABCD)
กรุณาใช้ภายใน 5 นาที

บริษัท ตัวอย่าง จำกัด 123 ถนนสุขุมวิท กรุงเทพฯ 10110 โทร 02-123-4567 เลขที่คำสั่งซื้อ 5566778""",
    ),
    (
        "902218",
        """\
Chào anh Minh,

Mã OTP của bạn là 902218, có hiệu lực trong 3 phút.

Công ty Ví Dụ, 123 Lê Lợi, Quận 1, TP.HCM. MST 0301234567. Hotline 1900 1234. Mã đơn hàng 5566778""",
    ),
    (
        "330915",
        """\
नमस्ते अमित,

आपका सत्यापन कोड ३३०९१५ है। यह ५ मिनट तक मान्य है।

ऑर्डर नंबर 5566778. उदाहरण लिमिटेड, एमजी रोड, नई दिल्ली 110001. हेल्पलाइन 1800 123 4567""",
    ),
    (
        "517733",
        """\
שלום דן,

קוד הכניסה שלך: 517733
הקוד יפוג בעוד 10 דקות.

דוגמה בע"מ, ח.פ. 512345678, רחוב הרצל 5, תל אביב 6688101, הזמנה מספר 445566, טל' 03-1234567""",
    ),
    (
        "208846",
        """\
مرحبا أحمد،

كود التحقق: 208846
صالح لمدة 10 دقائق.

رقم الطلب 5566778، هاتف 920001234، ص.ب 12345 الرياض 11564""",
    ),
]

# The end of a mail: the address of a company, its numbers, and its telephone.
IMPRINTS = [
    "Beispielbank AG · Hauptstraße 12 · 60311 Frankfurt · HRB 123456",
    "Beispiel GmbH\nHauptstraße 12\n60311 Frankfurt\nHRB 12345, USt-IdNr. DE123456789",
    "Exemple SA, 12 rue de la Paix 75002 Paris, RCS Paris 123456, SIREN 12345678",
    "Ejemplo SL, Calle Mayor 1, 28013 Madrid, CIF B12345678",
    "Esempio SpA, Via Roma 1, 00184 Roma, P.IVA 01234567, REA 123456",
    "Exemplo Ltda, Av. Paulista, 100, São Paulo - SP, 01310-100, CNPJ 12345678",
    "Voorbeeld BV, Damrak 1, 1012 LG Amsterdam, KvK 12345678",
    "Exempel AB, Storgatan 5, 111 22 Stockholm, Org.nr 556677",
    "Esimerkki Oy, Mannerheimintie 1, 00100 Helsinki, Y-tunnus 1234567",
    "Przykład sp. z o.o., ul. Prosta 5, 00-838 Warszawa, NIP 52500012, nr klienta 445566",
    "Příklad s.r.o., Dlouhá 5, 11000 Praha, IČO 12345678, číslo zákazníka 445566",
    "ООО «Пример», ИНН 77012345, КПП 770101, номер клиента: 4400123",
    "ТОВ «Приклад», вул. Зразкова, 5, Київ, 01001, ЄДРПОУ 12345678",
    "Örnek A.Ş., Ünal Cad. No: 5, 34394 İstanbul, müşteri numarası 445566",
    "Example Ltd, 12 High Street, Springfield, company number 01234567",
    "例示株式会社 お問い合わせ番号 1122334 法人番号 12345678",
    "예시은행 고객센터 1588-0000, 사업자등록번호 123-45-67890, 접수번호 445566",
    "示例公司 京ICP备12345678号 客服热线 400123 客户编号：445566",
]
