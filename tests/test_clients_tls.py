"""TLS, AUTH and LMTP by clients that we did not write: what each of them can do, and what each has to refuse.

docs/clients.md shows the same table; the last test here sees to that.
"""

import os
import re
import shutil
import sys
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import foreign
from foreign import ANN, BOB, CAROL, NODE_MODULES, TEXT, Failed, Way, need, run
from lazr.smtptest import Auth, Listen, MailServer, Reply, Tls
from lazr.smtptest.protocol.smtp.sasl import MECHANISMS

PAGE = Path(__file__).parent.parent / "docs" / "clients.md"


@dataclass(frozen=True)
class Client:
    """What a client can do, of all that a server can be asked for."""

    come: object  # come(server, way)
    tls: str  # the modes
    auth: str = ""  # the mechanisms
    lmtp: str = ""  # where: "tcp", "unix"
    # The certificates that it refuses in the handshake, so that the server notices; and those that it leaves
    # alone when the handshake is over.
    refuses: str = ""
    leaves: str = ""
    mails: bool = True  # it sends mail, and not credentials alone


CLIENTS = {
    "smtplib": Client(
        foreign.by_smtplib,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5",
        lmtp="tcp unix",
        refuses="untrusted expired wrong-host",
    ),
    "aiosmtplib": Client(
        foreign.by_aiosmtplib,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 XOAUTH2",
        refuses="untrusted expired wrong-host",
    ),
    "swaks": Client(
        foreign.by_swaks,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5",
        lmtp="tcp unix",
        refuses="untrusted expired",
    ),
    "curl": Client(
        foreign.by_curl,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER EXTERNAL",
        refuses="untrusted expired",
        leaves="wrong-host",
    ),
    "msmtp": Client(
        foreign.by_msmtp,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER EXTERNAL",
        lmtp="tcp unix",
        leaves="untrusted expired wrong-host",
    ),
    "nodemailer": Client(
        foreign.by_nodemailer,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 XOAUTH2",
        lmtp="tcp",
        refuses="untrusted expired wrong-host",
    ),
    "openssl": Client(
        foreign.by_openssl,
        tls="starttls implicit",
        lmtp="tcp",
        refuses="untrusted expired wrong-host",
    ),
    "gsasl": Client(
        foreign.by_gsasl,
        tls="none starttls",
        auth="PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS EXTERNAL ANONYMOUS",
        refuses="untrusted expired wrong-host",
        mails=False,
    ),
}
NEEDS_TLS = {name for name, row in MECHANISMS.items() if row.needs_tls}
# How a client may choose where it is not told.  With gsasl that is SCRAM-SHA-256-PLUS, of which more below.
CHOOSERS = [name for name, client in CLIENTS.items() if client.auth and name != "gsasl"]


def each(*columns, of=CLIENTS):
    """Parameters: each client by its name, with each word that these attributes of it have."""
    cases = [(name,) for name in of]
    for column in columns:
        cases = [(*case, word) for case in cases for word in getattr(CLIENTS[case[0]], column).split()]
    return cases


def over_tls(cases):
    return [case for case in cases if "none" not in case]


def possible(cases):
    return [case for case in cases if "none" not in case or not NEEDS_TLS.intersection(case)]


def server_for(name, way, **tls):
    """A server that this client can come to in this way, and that wants credentials if the way has some."""
    if way.mechanism == "EXTERNAL":
        tls = {"client_certificate": "optional"} | tls
    if way.named.endswith("-PLUS"):
        tls = {"versions": "TLSv1.2"} | tls
    offered = list(MECHANISMS)
    if (name, way.mechanism) == ("curl", "XOAUTH2"):
        offered.remove("OAUTHBEARER")  # with a token curl prefers it, whatever it is told
    if way.mechanism == "any":
        offered = None
    auth = Auth({ANN: "secret"}, mechanisms=offered)
    return MailServer(
        also=[Listen(path=way.path, protocol="lmtp")] if way.path else [],
        tls=None if way.tls == "none" else Tls(way.tls, **tls),
        auth=auth if way.mechanism else None,
        protocol="lmtp" if way.lmtp and not way.path else "smtp",
    )


def over(server):
    """The facts of the one session, when it is over."""
    end = time.monotonic() + 10
    while not server.sessions or server.call(lambda: len(server._service._connections)):
        assert time.monotonic() < end
    (session,) = server.sessions
    return session


def come(name, server, way):
    """The facts of the session in which this client came; its mail is there."""
    CLIENTS[name].come(server, way)
    session = over(server)
    if CLIENTS[name].mails:
        mail = server.inbox.one()
        assert mail.recipients == ((BOB,) if name == "smtplib" and way.lmtp else (BOB, CAROL))
        assert (mail.envelope.tls, mail.envelope.auth) == (session.tls, session.auth)
    if way.tls == "none":
        assert session.tls is None
    else:
        assert (session.tls.server_name, session.tls.implicit) == ("localhost", way.tls == "implicit")
        assert session.sent_in_clear == frozenset()
    assert session.tls_failure is None
    return session


def refused(name, server, way):
    """The facts of the session in which this client came to nothing."""
    with pytest.raises(Failed):
        CLIENTS[name].come(server, way)
    session = over(server)
    assert not len(server.inbox)
    assert session.auth is None
    return session


# -- TLS -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(("name", "tls"), over_tls(each("tls", of=[n for n in CLIENTS if n != "gsasl"])))
def test_a_mail_by_tls(name, tls, version):
    way = Way(tls)
    with server_for(name, way, versions=version) as server:
        assert come(name, server, way).tls.version == version


@pytest.mark.parametrize(("name", "kind", "tls"), over_tls(each("refuses", "tls")))
def test_a_bad_certificate_is_refused_in_the_handshake(name, kind, tls):
    way = Way(tls, "PLAIN" if name == "gsasl" else "")
    with server_for(name, way, certificate=kind) as server:
        session = refused(name, server, way)

    assert session.tls is None
    assert "alert" in session.tls_failure or session.tls_failure == "the client closed the connection"


# nodemailer looks as late, but with TLS 1.3 it is quick to hang up.
LEAVES = [*each("leaves", "tls"), *each("refuses", "tls", of=["nodemailer"])]


@pytest.mark.parametrize(("name", "kind", "tls"), over_tls(LEAVES))
def test_a_bad_certificate_is_left_alone_behind_the_handshake(name, kind, tls):
    way = Way(tls)
    with server_for(name, way, certificate=kind, versions="TLSv1.2") as server:
        session = refused(name, server, way)

    # By the rules of TLS all went well, and then the client went.
    assert session.tls is not None
    assert session.tls_failure == "the client left behind the handshake, without a word"


@pytest.mark.parametrize(("name", "tls"), over_tls(each("tls", of=[n for n in CLIENTS if n != "gsasl"])))
def test_a_client_certificate(name, tls):
    way = Way(tls)
    with server_for(name, way, client_certificate="required") as server:
        way = replace(way, certificate=server.client_certificate(ANN))
        assert ANN in come(name, server, way).tls.identities


@pytest.mark.parametrize(("name", "tls"), over_tls(each("tls", of=[n for n in CLIENTS if n != "gsasl"])))
def test_a_client_certificate_that_is_missing(name, tls):
    way = Way(tls)
    with server_for(name, way, client_certificate="required") as server:
        session = refused(name, server, way)

    assert session.tls_failure == "peer did not return a certificate"


# -- AUTH ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "tls", "mechanism"), possible(each("tls", "auth")))
def test_auth(name, tls, mechanism):
    way = Way(tls, mechanism)
    with server_for(name, way) as server:
        if mechanism == "EXTERNAL":
            way = replace(way, certificate=server.client_certificate(ANN))
        session = come(name, server, way)

    assert (session.auth.mechanism, session.auth.username) == (mechanism, ANN)
    assert session.auth_attempts == (session.auth,)
    disclosed = tls == "none" and MECHANISMS[mechanism].discloses
    assert ("credentials" in session.sent_in_clear) == disclosed


@pytest.mark.parametrize(("name", "mechanism"), [case for case in each("auth") if "ANONYMOUS" not in case])
def test_a_wrong_secret_is_refused(name, mechanism):
    way = Way("starttls", mechanism, secret="wrong")
    with server_for(name, way) as server:
        if mechanism == "EXTERNAL":
            way = replace(way, certificate=server.client_certificate(BOB))
        session = refused(name, server, way)

    assert {attempt.mechanism for attempt in session.auth_attempts} == {mechanism}


@pytest.mark.parametrize(("name", "tls"), each("tls", of=CHOOSERS))
def test_a_client_chooses_a_mechanism_that_works(name, tls):
    way = Way(tls, "any")
    with server_for(name, way) as server:
        assert come(name, server, way).auth.username == ANN


@pytest.mark.xfail(reason="tls-exporter (RFC 9266), which gsasl binds to under TLS 1.3, is not there yet")
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "any"])
def test_a_client_binds_to_tls_1_3(mechanism):
    way = Way("starttls", mechanism)
    with server_for("gsasl", way, versions="TLSv1.3") as server:
        assert come("gsasl", server, way).auth.username == ANN


# -- LMTP ------------------------------------------------------------------------------------

# Over TCP in clear and by STARTTLS; what comes by a Unix socket has no host whose name could be verified.
LMTP = [case for case in each("lmtp", "tls") if case[1:] != ("unix", "starttls") and case[2] != "implicit"]


@pytest.mark.parametrize(("name", "where", "tls"), LMTP)
def test_lmtp(name, where, tls, tmp_path):
    auth = "PLAIN" if CLIENTS[name].auth else ""
    way = Way(tls, auth, lmtp=True, path=str(tmp_path / "lmtp") if where == "unix" else "")
    with server_for(name, way) as server:
        session = come(name, server, way)

    assert session.peer.startswith("unix" if where == "unix" else "127.0.0.1:")
    assert (session.auth and session.auth.username) == (ANN if auth else None)


@pytest.mark.parametrize("name", ["msmtp"])
def test_a_client_hears_the_verdict_on_each_recipient(name):
    def decide(event, reply):
        return (
            Reply(550, "5.1.1", "Unknown") if event.verb == "DELIVERY" and event.rcpt.path.mailbox == CAROL else reply
        )

    way = Way(lmtp=True)
    with MailServer(protocol="lmtp", decide=decide) as server:
        with pytest.raises(Failed, match=f"refuses to send the mail to {CAROL}"):
            CLIENTS[name].come(server, way)
        assert server.inbox.one().recipients == (BOB,)


# -- the page --------------------------------------------------------------------------------

WORDS = {"none": "plain", "starttls": "STARTTLS", "tcp": "TCP", "unix": "Unix"}
BLOCKS = [textwrap.dedent(block) for block in re.findall("(?m)(?:^    .*\n)+", PAGE.read_text("utf-8"))]
COMMANDS = {
    name: block
    for name in CLIENTS
    for block in BLOCKS
    if re.search(rf"\b{name}\b", block) and not block.startswith(">>>")
}


def test_the_page_has_the_table():
    table = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    for line, (name, client) in zip(table, CLIENTS.items(), strict=True):
        columns = (client.tls, client.auth, client.lmtp, client.refuses, client.leaves)
        cells = [name, *(", ".join(WORDS.get(word, word) for word in column.split()) for column in columns)]
        assert [cell.strip() for cell in line.strip("|").split("|")] == cells


def test_the_page_has_an_example_of_each_client():
    assert set(COMMANDS) == set(CLIENTS) - {"smtplib"}  # which is a doctest


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_the_page_work(name, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    need(shutil.which({"nodemailer": "node", "aiosmtplib": "python"}.get(name, name), path=path), name)
    need(name != "nodemailer" or (NODE_MODULES / "nodemailer").exists(), name)
    (tmp_path / "mail").write_bytes(TEXT.encode())
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        settings = {"PORT": str(server.port), "CA_FILE": server.ca_file, "MAIL": str(tmp_path / "mail"), "PATH": path}
        run("bash", "-c", COMMANDS[name], NODE_PATH=str(NODE_MODULES), **settings)
        session = over(server)

    assert session.tls is not None
    assert (session.auth is not None) == bool(CLIENTS[name].auth)
    assert len(server.inbox) == (name not in {"openssl", "gsasl"})
