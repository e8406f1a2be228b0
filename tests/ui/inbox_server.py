"""The server of a browser test: the mail server, its store, and the guarded web server, in this process."""

import importlib
import itertools
import pkgutil
import smtplib
import time
from functools import partial
from urllib.parse import urlsplit

import httpx

import lazr.smtptest.mail
import lazr.smtptest.store
import lazr.smtptest.web
from lazr.smtptest import Envelope, MailServer
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.store import Arrival, MemoryStore
from lazr.smtptest.web import AppContext, Guard, Users, WebServer, make_app

_numbers = itertools.count(1)

# Modules that requests import at first use, in threads: pytest's import hook fails when two threads import at once.
for _package in (lazr.smtptest.mail, lazr.smtptest.store, lazr.smtptest.web):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        importlib.import_module(_module.name)


class InboxServer:
    """What `smtptest serve` runs, on free ports, with mails in memory.

    Args:
        users: lines `user:{PLAIN}password`; None, the default, needs no login.
        mailboxes: the mailboxes whose tokens are accepted.
        webroot: the path of all pages, "" by default.
        server_settings: settings of the `MailServer`.
        settings: further settings of the `AppContext`, such as `label`.
    """

    def __init__(self, *, users=None, mailboxes=(), webroot="", server_settings=None, **settings):
        self.webroot = webroot
        self.store = MemoryStore()
        self.mail_server = MailServer(store=self.store, **({"auth": "any"} | (server_settings or {})))
        self.mail_server.start()
        self.app_context = AppContext(self.store, self.mail_server, mailboxes=mailboxes, **settings)
        parsed = None if users is None else Users.parse(users)
        self._guard = partial(Guard, users=parsed, mailboxes=self.app_context.mailboxes)
        self.start_web()
        self.url = self.web.url
        self.authorities = {urlsplit(self.url).netloc}

    def start_web(self, port=0):
        """Start a web server, which knows no logins."""
        app = make_app(self.app_context)
        self.web = WebServer(app, guard=self._guard, webroot=self.webroot or "/", port=port)
        self.web.start()

    def add_mail(self, content="", *, to=("bob@example.com",), sender="ann@example.com", user="", **fields):
        """Put a mail into the store and return its ID; `fields` are header fields of a mail without `content`."""
        if not content:
            written = {"Subject": "Hi"} | {name.replace("_", "-"): value for name, value in fields.items()}
            content = "".join(f"{name}: {value}\r\n" for name, value in written.items()) + "\r\nHello\r\n"
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        envelope = Envelope(
            sender,
            tuple(to),
            mail_parameters={},
            rcpt_parameters=tuple({} for _ in to),
            auth=Credentials("PLAIN", user) if user else None,
        )
        mail_id = f"mail{next(_numbers)}"
        self.store.add([Arrival(mail_id, time.time(), envelope, [data])])
        return mail_id

    def send_mail(self, content, *, to=("bob@example.com",), sender="ann@example.com"):
        """Send a mail by SMTP, so that it has a session, and return its ID."""
        with smtplib.SMTP(*self.mail_server.address) as client:
            client.sendmail(sender, list(to), content)
        return self.store.get_latest().id

    def connect(self, **settings):
        """Return an HTTP client of the REST API."""
        return httpx.Client(base_url=self.url, timeout=60, **settings)

    def close(self):
        self.web.stop(30)  # a busy machine may need more than the default
        self.mail_server.stop()
