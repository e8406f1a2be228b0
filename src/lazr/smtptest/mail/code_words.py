"""Words that tell one-time codes from other numbers, in many languages.

`one_time_codes` applies them.  All patterns match lower-case text, and each alternative has a fixed prefix, so a search
takes linear time.
"""

from __future__ import annotations

import re

__all__ = [
    "CODE_WORD",
    "CURRENCY_UNITS",
    "EXTENDING_CHARACTERS",
    "LABEL_END",
    "NOUN_AFTER_NUMBER",
    "NOUN_BEFORE_NUMBER",
    "OTHER_CODE_PREFIX",
    "OTHER_CODE_SUFFIX",
    "QUANTITY_UNITS",
    "YEAR_CONTEXT",
]

# A letter or digit of a script that puts spaces between words.  In other scripts (Thai, Lao, Burmese, Khmer, and those
# of China, Japan and Korea) a letter may touch a number that does not belong to its word.
EXTENDING_CHARACTERS = (
    r"[^\W_\u0e00-\u0e4f\u0e5a-\u0ecf\u0eda-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff"
    r"\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
_WORD_END = r"(?![^\W\d_])"

# Words that name the code itself: only these make a code of letters and digits.  Compounds match, too
# ("Bestätigungscode", "verifieringskod").
_CODE_NOUNS = (
    # English, Dutch, French, German, and borrowed words
    rf"code(?:s|n)?{_WORD_END}|(?<![^\W\d_])(?:[th]?otps?|pins?|tan|[2m]fa){_WORD_END}|one[ -]time|"
    rf"pass[ -]?(?:code|phrase)|"
    rf"einmal|passwor[dt]|kennwort|mot de passe|wachtwoord|(?:mobile|sms|push|photo|chip)tan{_WORD_END}|"
    # Romance languages
    rf"c[óo]digos?{_WORD_END}|codis?{_WORD_END}|contrase[ñn]a|contrasenya|senha|clave{_WORD_END}|codic[ei]{_WORD_END}|"
    rf"(?<![^\W\d_])cod(?:ul|uri|urile)?{_WORD_END}|parol[aăeiu]|"
    # Nordic and Baltic languages, and Estonian and Finnish
    r"kod(?:e|en|er|et|a|as|ą|o|i|u|y|s|ea|un|unuz|unuzu|unu|em|om|ni|eks|eja|ovi|ova)?"
    rf"{_WORD_END}|kóði|kóða|kood(?:i|in|isi)?{_WORD_END}|lösenord|passord|adgangskode|salasana|aðgangsorð|slaptažod|"
    # Slavic languages, Hungarian, Turkish, Greek, Albanian, and languages of the Caucasus and Central Asia
    rf"kód(?:u|em|ja|ot|od|ját|ом)?{_WORD_END}|(?<![^\W\d_])код(?:а|у|ом|е|ы|ът|от|ын|ыңыз)?{_WORD_END}|парол|hasł|"
    rf"hesl|"
    rf"lozink|jelszó|jelszav|şifre|sifre{_WORD_END}|κωδικ|կոդ|კოდ|код|"
    # Arabic, Persian, Urdu, Hebrew, Amharic
    rf"رمز|كود|كلمة المرور|كلمة السر|(?<![^\W\d_])کد(?:تان|ت)?{_WORD_END}|گذرواژه|پاس ?ورڈ|کوڈ|קוד|סיסמ|ኮድ|"
    # Languages of India and Nepal
    r"कोड|ओटीपी|पासवर्ड|कूट|কোড|ওটিপি|ਕੋਡ|કોડ|ଓଟିପି|କୋଡ|குறியீ|ஓடிபி|కోడ్|ఓటీపీ|ಕೋಡ್|ഓടിപി|കോഡ്|කේත|"
    # South-East Asia
    rf"รหัส|ລະຫັດ|កូដ|ကုဒ်|(?<![^\W\d_])mã{_WORD_END}|mật khẩu|kata sandi|kata laluan|sandi{_WORD_END}|msimbo|"
    # East Asia
    r"验证码|驗證碼|校验码|校驗碼|动态码|動態碼|认证码|認證碼|确认码|確認碼|激活码|安全码|登录码|识别码|随机码|"
    r"动态密码|"
    r"密码|密碼|口令|认证号|コード|パスワード|暗証番号|認証番号|確認番号|ワンタイム|코드|비밀번호|인증번호|인증 번호"
)
# Words for what a code is used for.
_PURPOSE_WORDS = (
    r"verif|confirm|authenti[cf]|log[ -]?in|sign[ -]?in|token|anmeld|bestätig|doğrula|проверк|подтвержд|підтвердж|"
    r"認証|確認|認證|认证|验证|驗證|인증|확인|ยืนยัน|xác (?:minh|nhận|thực)|सत्यापन|যাচাই|اعتماد|تأیید|تایید|التحقق|"
    r"التأكيد|אימות"
)
CODE_WORD = re.compile(f"(?:(?P<noun>{_CODE_NOUNS})|{_PURPOSE_WORDS})")

# A code of another kind: "zip code", "code postal".
OTHER_CODE_PREFIX = re.compile(
    r"(?:(?<![^\W\d_])(?:zip|post|postal|promo|promotion|promotional|discount|coupon|voucher|area|country|error|"
    r"exit|status|"
    r"source|qr|gift|dress|sort|bank|swift|tax|booking|reservation|product|item|article|color|colour|hex|dial|dialing|"
    r"dialling|short|referral|response|reply|hs|unicode|morse|airport|currency|sales|kody?|kod)[ -]?|bar|uni|rabatt|"
    r"gutschein|aktions|en|de|trans|post(?:leit)?|förbeställnings|vor|länder|fehler|промо|优惠|邮政|クーポン|쿠폰)\Z"
)
OTHER_CODE_SUFFIX = re.compile(
    r"[ -]?(?:postal|promo|de r[ée]duction|de descuento|promocional|sconto|rabatowy|pocztowy|review|snippet|base|name|"
    r"editor|of conduct|owner|completion)"
)

# Nouns that have a number: "order 1234", "order number 1234".
_NUMBERED_NOUNS = (
    r"orders?|bestellung|pedido|commande|ordine|ordre|beställning|bestilling|bestelling|encomenda|comand[aă]|tilaus|"
    r"zamówieni[ea]|objednávk[ay]|rendelés|sipariş|заказа?|замовлення|поръчка|παραγγελία|đơn hàng|pesanan|"
    r"invoice|rechnung|facture|factura|fattura|faktura|factuur|lasku|fatura|сч[её]т|"
    r"tickets?|customer|kunden?|tel|telefon|teléfono|téléphone|telefono|phone|mobile|fax|hotline|whatsapp|тел|телефон|"
    r"helpline|call[ -]?cent(?:er|re)|contact cent(?:er|re)|infoline|infolinia|горячая линия|гаряча лінія|"
    r"çağrı merkezi|"
    r"cep|cap|psč|индекс|індекс|kod pocztowy|"
    r"zip(?:[ -]?code)?|(?:postal|post)(?:[ -]?code)?|code postal|c[óo]digo postal|postleitzahl|plz|p\.?o\.? box|"
    r"postfach|box|postboks|postbus|postlokero|boîte postale|apartado|casella postale|"
    r"promo(?:tion|tional)?[ -]?codes?|(?:discount|coupon|voucher|gift|area|country|sort|error|status|exit|swift|"
    r"product|"
    r"booking|short|dial(?:l?ing)?)[ -]?codes?|(?:rabatt|gutschein|fehler)code|code promo|промокод|"
    r"room|suite|apt|apartment|unit|floor|gate|seat|flight(?: [a-z]{2})?|train|bus|zimmer|raum|"
    r"since|seit|depuis|desde|ref|reference|referenz|rfc|port|error|fehler|version|build|release|page|seite|chapter|"
    r"section|line|row|commit|revision|pull request|issue|bug|model|sku|isbn|ean|serial|iban|vat|bic|blz|lot|batch|"
    r"street|straße|strasse|str\.|stra[ßs]e|allee|platz|gasse|colou?r|farbe|patent|case|parcel|package|shipment|paket|"
    r"colis|paquete|tracking|imei|imsi|iccid|ssn|passport|vin|plate"
)
# Nouns that have a number only before the word "number", joined to it or not: "account number", "Kontonummer".
_NOUNS_BEFORE_NUMBER_WORD = (
    r"account|booking|card|client|contract|device|item|member(?:ship)?|part|policy|product|reservation|"
    r"transaction|user|student|employee|registration|company|registered|reg|tax|vat|artikel|auftrags?|bestell?|buchungs?|fall|kund|konto|liefer|mitglieds?|"
    r"rechnungs|referens|sendungs|serien|steuer|telefoon|vertrags|vorgangs?|haus|personal|"
    r"client[e]?|compte|cuenta|conta|dossier|suivi|seguimiento|reserva|réservation|contrat|contrato|contratto|"
    r"pratica|handels?register|"
    # Slavic languages: of the customer, contract, account, application, card
    r"клиента|договора|заявки|абонента|сч[её]та|карты|обращения|клієнта|договору|рахунку|картки|звернення|"
    r"klienta|umowy|konta|rachunku|sprawy|karty|zgłoszenia|zákazníka|zákaznické|smlouvy|účtu|"
    r"müşteri|abone|hesap|dosya|başvuru|πελάτη|λογαριασμού"
)
# The numbers of companies, in the imprint at the end of a mail: registers, tax offices.
_COMPANY_REGISTERS = (
    r"hr[ab]|handelsregister|fn|kvk|cvr|cbe|kbo|bce|siren|siret|rcs(?: [^\W\d_]{2,20})?|nip|regon|krs|i[čc]o|di[čc]|"
    r"oib|pib|mbs|cnpj|cpf|cuit|rut|nit|cif|nif|rfc|p\. ?iva|partita iva|codice fiscale|rea|vkn|mersis|abn|acn|gstin|"
    r"cin|llpin|org\. ?nr|orgnr|y-tunnus|companies house|ust-id|"
    r"инн|кпп|огрн|бик|окпо|єдрпоу|едрпоу|іпн|еик|унп|бин"
)
_NUMBER_WORD = r"[ \t-]*(?:numbers?|numm?er|num|nr|no|id|número|numéro|numero|numarası|№|nº|n°)(?![^\W\d_])"
_NUMBER_WORD_BEFORE = (
    r"(?:number|num[ée]ro|número|numer|nr|číslo|номер|№|numm?er|αριθμός)\.?[ \t]+"
    r"(?:of |de |del |du |da |do |della |di |d'|l'|вашего |вашого )?"
)
_EAST_ASIAN_NOUNS = (
    r"[订訂][单單](?:[编編]?[号號])?|(?:运单|運單|快递|快遞|发票|發票|账|帳|卡|单|會員|会员)[号號]|尾[号號]|电话|"
    r"電話|手机号?|"
    r"(?:客户|客戶|工单|工單|案件|合同|参考|參考|流水|交易|学|學|统一|統一)[编編]?[号號]?[号號碼码]|"
    r"统一社会信用代码|icp[备備]|公网安备|"
    r"邮编|邮政编码|优惠码|(?:注文|予約|伝票|会員|お客様|電話|郵便|受付|口座|追跡|整理|管理|契約|顧客|取引|申込|社員|"
    r"法人|登録|店舗|問い?合わ?せ)番号|クーポンコード|"
    r"(?:주문|송장|예약|회원|고객|전화|우편|운송장|계좌|접수|문의|계약|거래|등록|신고) ?번호|쿠폰 ?코드|"
    # Call centers
    r"고객 ?센터|콜 ?센터|대표 ?전화|문의 ?전화|客服(?:热线|熱線|电话|電話|专线|專線)?|热线|熱線|"
    r"サポート(?:センター|窓口)|"
    r"หมายเลขคำสั่งซื้อ|คำสั่งซื้อ|หมายเลขอ้างอิง|ศูนย์บริการ|ऑर्डर|অর্ডার|"
    r"رقم الطلب|الطلب|"
    r"הזמנה|سفارش"
)
# What may stand between such a noun and its number.
NOUN_BEFORE_NUMBER = re.compile(
    r"(?:[€£¥₹₽₺₴₩฿$©〒]|\(c\)|"
    rf"(?<![^\W_])(?:eur|usd|gbp|chf|jpy|cad|aud|sek|nok|dkk|pln|czk|inr|rs\.?|copyright|{_NUMBER_WORD_BEFORE}"
    rf"(?:{_NUMBERED_NOUNS}|{_NOUNS_BEFORE_NUMBER_WORD})|(?<!your )(?:{_NUMBERED_NOUNS})(?:{_NUMBER_WORD})?|"
    rf"your (?:{_NUMBERED_NOUNS}){_NUMBER_WORD}|your (?!phone|mobile|whatsapp)(?:{_NUMBERED_NOUNS})|"
    rf"(?:{_NOUNS_BEFORE_NUMBER_WORD}){_NUMBER_WORD}|(?:{_COMPANY_REGISTERS})(?:{_NUMBER_WORD})?|"
    rf"(?:end(?:s|ing) (?:in|with)|endet auf|se terminant par|"
    rf"terminad[ao] en)"
    rf")|[a-zäöüß]{{2,30}}(?:straße|strasse|str\.)|{_EAST_ASIAN_NOUNS})"
    r"(?:[ \t]+(?:is|ist|est|es|är|er|è|é|jest|"
    r"to)(?![^\W\d_]))?(?:[ \t]?[是为為はが는은])?[ \t.:：＃#№°\"'“”„«»‚‘’()\[\]{}<>-]*\Z"
)
# The end of a label whose number is in the next line.
LABEL_END = re.compile(rf"[:：#№]\Z|{_NUMBER_WORD}\Z|番号\Z|번호\Z|[编編]?[号號]\Z")
NOUN_AFTER_NUMBER = re.compile(
    r"[\"'”’)\]>]*[ \t]+(?:is|ist|est|es|è|är|er)[ \t]+"
    r"(?:the|your|our|ihre|deine|die|votre|le|la|su|tu|el|il|tuo|din|ditt)[ \t]+"
    rf"(?:(?:{_NUMBERED_NOUNS})(?:{_NUMBER_WORD})?(?!{_NUMBER_WORD}| ?cod)|"
    rf"(?:{_NOUNS_BEFORE_NUMBER_WORD}){_NUMBER_WORD}|"
    rf"(?:numéro|número|numero) d[eiu] [^\W\d_]){_WORD_END}|"
    r",?[ \t]+(?:rue|avenue|boulevard|bd|place|chemin|route de)[ \t]|"
    r"[ \t]+[^\W\d_]{2,30}(?:[ \t][^\W\d_]{2,30})?[ \t](?:street|st\.|avenue|ave|road|rd|boulevard|blvd|parkway|"
    r"pkwy|drive|"
    rf"lane|square|highway|hwy|court|terrace|way){_WORD_END}"
)

CURRENCY_UNITS = (
    r"(?:[€£¥₹₽₺₴₩฿$]|(?:eur|usd|gbp|chf|jpy|cad|aud|sek|nok|dkk|pln|czk|huf|inr|rub|uah|euros?|dollars?|pounds?|"
    r"cents?|francs?|kronor|kroner|kr|zł|zl|kč|ft|ron|tl|руб(?:лей|ля)?|р\.|грн)(?![^\W\d_]))"
)
# Units and things that are counted, after a number.  A space may stand between them.
QUANTITY_UNITS = (
    rf"(?:{CURRENCY_UNITS}|[%‰°]|(?:percent|prozent|pour cent|por ciento|"
    r"k[mgbw]|[mgt]i?b|kib|bytes?|m[bls]|[mck]m|k?hz|mhz|ghz|px|pt|kg|lbs?|miles?|met(?:er|re)s?|kilomet(?:er|re)s?|"
    r"s|h|sec|secs|seconds?|mins?|minutes?|hrs?|hours?|days?|weeks?|months?|years?|o'clock|uhr|gmt|utc|cet|"
    r"sekunden?|minuten?|minuter|minutter|stunden?|tagen?|wochen?|jahren?|segundos?|minutos?|horas?|d[ií]as?|"
    r"secondes?|heures?|"
    r"jours?|second[io]|minut[io]|giorn[io]|sekund(?:er|y)?|minut(?:y|u)?|godzin[ay]?|hodin[ay]?|perc|óra|minuuttia|"
    r"dk|dakika|saat|saniye|мин|минут[ыу]?|час(?:а|ов)?|сек|секунд|хв|хвилин|ph[úu]t|giây|menit|minit|"
    r"points?|punkte|users?|people|customers?|subscribers?|members?|visitors?|items?|times|units?|pieces|"
    r"employees|votes|"
    r"views|likes|followers|emails?|messages?|steps|calories|kcal|words|characters|pages|seats|downloads|"
    r"digits?|stellen|personen|nutzer|kunden|stück|personnes|utilisateurs|personas|usuarios|persone|utenti)"
    rf"{_WORD_END}\.?|(?:[年月日時时分秒点點元円圆圓块塊万萬億亿人個个件名回本枚冊]|[원년명개월일분초시건]|분|บาท|"
    rf"นาที|ชั่วโมง|"
    r"मिनट|घंटे|মিনিট|دقيقة|دقائق|دقیقه|ساعة|ساعت|דקות))"
)
YEAR_CONTEXT = re.compile(
    r"(?:(?<![^\W_])(?:in|since|by|before|after|until|till|from|of|for|year|im|jahr|seit|bis|en|desde|depuis|"
    r"spring|summer|autumn|fall|winter|jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|"
    r"march|april|"
    r"june|july|august|september|october|november|december|januar|februar|märz|mai|juni|juli|oktober|dezember|"
    r"janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|"
    r"junio|julio|agosto|septiembre|octubre|noviembre|diciembre|января|февраля|марта|апреля|мая|июня|июля|августа|"
    r"сентября|октября|ноября|декабря)\.?|©|\(c\)|copyright)(?: de)?[ ,]*(?:[0-9]{1,2}(?:st|nd|rd|th)?[ ,.]*)?\Z"
)
