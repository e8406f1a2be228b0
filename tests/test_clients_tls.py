"""TLS, AUTH and LMTP with third-party clients: the features of each, and the certificates that each must refuse.

docs/reference/clients.md shows the same table; `test_clients_page_has_the_table` compares them.
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

from lazr.smtptest import Auth, Listen, MailServer, Reply, Tls
from lazr.smtptest.protocol.smtp.sasl import MECHANISMS
from tests.helpers import third_party_clients
from tests.helpers.third_party_clients import (
    ANN,
    BOB,
    CAROL,
    NODE_MODULES,
    TEXT,
    ClientFailed,
    ConnectionSettings,
    require_installed,
    run_client,
)

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "clients.md"


@dataclass(frozen=True)
class Client:
    """The features of a client that the server is tested with."""

    send: object  # send(server, way)
    tls: str  # the TLS modes
    auth: str = ""  # the mechanisms
    lmtp: str = ""  # the sockets: "tcp", "unix"
    # The certificates that it refuses in the handshake with an alert or a close; and those for which it disconnects
    # after a complete handshake.
    refuses: str = ""
    leaves: str = ""
    mails: bool = True  # whether it sends mail, and not only credentials


CLIENTS = {
    "smtplib": Client(
        third_party_clients.send_with_smtplib,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5",
        lmtp="tcp unix",
        refuses="untrusted expired wrong-host",
    ),
    "aiosmtplib": Client(
        third_party_clients.send_with_aiosmtplib,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 XOAUTH2",
        refuses="untrusted expired wrong-host",
    ),
    "swaks": Client(
        third_party_clients.send_with_swaks,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5",
        lmtp="tcp unix",
        refuses="untrusted expired",
    ),
    "curl": Client(
        third_party_clients.send_with_curl,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER EXTERNAL",
        refuses="untrusted expired",
        leaves="wrong-host",
    ),
    "msmtp": Client(
        third_party_clients.send_with_msmtp,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER EXTERNAL",
        lmtp="tcp unix",
        leaves="untrusted expired wrong-host",
    ),
    "nodemailer": Client(
        third_party_clients.send_with_nodemailer,
        tls="none starttls implicit",
        auth="PLAIN LOGIN CRAM-MD5 XOAUTH2",
        lmtp="tcp",
        refuses="untrusted expired wrong-host",
    ),
    "openssl": Client(
        third_party_clients.send_with_openssl,
        tls="starttls implicit",
        lmtp="tcp",
        refuses="untrusted expired wrong-host",
    ),
    "gsasl": Client(
        third_party_clients.log_in_with_gsasl,
        tls="none starttls",
        auth="PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS EXTERNAL ANONYMOUS",
        refuses="untrusted expired wrong-host",
        mails=False,
    ),
}
NEEDS_TLS = {name for name, row in MECHANISMS.items() if row.needs_tls}
# Clients that choose the mechanism themselves.  gsasl chooses SCRAM-SHA-256-PLUS; see test_client_binds_to_tls_1_3.
CHOOSERS = [name for name, client in CLIENTS.items() if client.auth and name != "gsasl"]


def build_cases(*columns, of=CLIENTS):
    """Return a case for each client, and for each word in these attributes of the client."""
    cases = [(name,) for name in of]
    for column in columns:
        cases = [(*case, word) for case in cases for word in getattr(CLIENTS[case[0]], column).split()]
    return cases


def select_tls_cases(cases):
    return [case for case in cases if "none" not in case]


def select_possible_cases(cases):
    return [case for case in cases if "none" not in case or not NEEDS_TLS.intersection(case)]


def build_server(name, way, **tls):
    """Build a server for this client, TLS mode and mechanism; it has AUTH if `way` has a mechanism."""
    if way.mechanism == "EXTERNAL":
        tls = {"client_certificate": "optional"} | tls
    if way.forced_mechanism.endswith("-PLUS"):
        tls = {"versions": "TLSv1.2"} | tls
    offered = list(MECHANISMS)
    if (name, way.mechanism) == ("curl", "XOAUTH2"):
        offered.remove("OAUTHBEARER")  # with a token, curl prefers it and ignores its options
    if way.mechanism == "any":
        offered = None
    auth = Auth({ANN: "secret"}, mechanisms=offered)
    return MailServer(
        also=[Listen(path=way.path, protocol="lmtp")] if way.path else [],
        tls=None if way.tls == "none" else Tls(way.tls, **tls),
        auth=auth if way.mechanism else None,
        protocol="lmtp" if way.lmtp and not way.path else "smtp",
    )


def wait_for_session(server):
    """Return the record of the only session when it has ended."""
    end = time.monotonic() + 10
    while not server.sessions or server.call(lambda: len(server._connection_manager._connections)):
        assert time.monotonic() < end
    (session,) = server.sessions
    return session


def check_accepted(name, server, way):
    """Let the client send a mail, check that it arrived, and return the session record."""
    CLIENTS[name].send(server, way)
    session = wait_for_session(server)
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


def check_failed(name, server, way):
    """Let the client try to send a mail, check that it fails, and return the session record."""
    with pytest.raises(ClientFailed):
        CLIENTS[name].send(server, way)
    session = wait_for_session(server)
    assert not len(server.inbox)
    assert session.auth is None
    return session


# -- TLS -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(("name", "tls"), select_tls_cases(build_cases("tls", of=[n for n in CLIENTS if n != "gsasl"])))
def test_mail_select_tls_cases(name, tls, version):
    way = ConnectionSettings(tls)
    with build_server(name, way, versions=version) as server:
        assert check_accepted(name, server, way).tls.version == version


@pytest.mark.parametrize(("name", "kind", "tls"), select_tls_cases(build_cases("refuses", "tls")))
def test_bad_certificate_is_refused_in_the_handshake(name, kind, tls):
    way = ConnectionSettings(tls, "PLAIN" if name == "gsasl" else "")
    with build_server(name, way, certificate=kind) as server:
        session = check_failed(name, server, way)

    assert session.tls is None
    assert "alert" in session.tls_failure or session.tls_failure == "the client closed the connection"


# nodemailer also checks after the handshake; with TLS 1.3, it disconnects before the server has completed it.
DISCONNECT_CASES = [*build_cases("leaves", "tls"), *build_cases("refuses", "tls", of=["nodemailer"])]


@pytest.mark.parametrize(("name", "kind", "tls"), select_tls_cases(DISCONNECT_CASES))
def test_client_leaves_after_handshake_with_bad_certificate(name, kind, tls):
    way = ConnectionSettings(tls)
    with build_server(name, way, certificate=kind, versions="TLSv1.2") as server:
        session = check_failed(name, server, way)

    # The handshake was complete; then the client disconnected.
    assert session.tls is not None
    assert session.tls_failure == "the client left after the handshake without sending anything"


@pytest.mark.parametrize(("name", "tls"), select_tls_cases(build_cases("tls", of=[n for n in CLIENTS if n != "gsasl"])))
def test_client_certificate_is_accepted(name, tls):
    way = ConnectionSettings(tls)
    with build_server(name, way, client_certificate="required") as server:
        way = replace(way, certificate=server.client_certificate(ANN))
        assert ANN in check_accepted(name, server, way).tls.identities


@pytest.mark.parametrize(("name", "tls"), select_tls_cases(build_cases("tls", of=[n for n in CLIENTS if n != "gsasl"])))
def test_missing_client_certificate_is_refused(name, tls):
    way = ConnectionSettings(tls)
    with build_server(name, way, client_certificate="required") as server:
        session = check_failed(name, server, way)

    assert session.tls_failure == "peer did not return a certificate"


# -- AUTH ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "tls", "mechanism"), select_possible_cases(build_cases("tls", "auth")))
def test_auth(name, tls, mechanism):
    way = ConnectionSettings(tls, mechanism)
    with build_server(name, way) as server:
        if mechanism == "EXTERNAL":
            way = replace(way, certificate=server.client_certificate(ANN))
        session = check_accepted(name, server, way)

    assert (session.auth.mechanism, session.auth.username) == (mechanism, ANN)
    assert session.auth_attempts == (session.auth,)
    disclosed = tls == "none" and MECHANISMS[mechanism].discloses_secret
    assert ("credentials" in session.sent_in_clear) == disclosed


@pytest.mark.parametrize(("name", "mechanism"), [case for case in build_cases("auth") if "ANONYMOUS" not in case])
def test_wrong_secret_is_refused(name, mechanism):
    way = ConnectionSettings("starttls", mechanism, secret="wrong")
    with build_server(name, way) as server:
        if mechanism == "EXTERNAL":
            way = replace(way, certificate=server.client_certificate(BOB))
        session = check_failed(name, server, way)

    assert {attempt.mechanism for attempt in session.auth_attempts} == {mechanism}


@pytest.mark.parametrize(("name", "tls"), build_cases("tls", of=CHOOSERS))
def test_client_chooses_a_working_mechanism(name, tls):
    way = ConnectionSettings(tls, "any")
    with build_server(name, way) as server:
        assert check_accepted(name, server, way).auth.username == ANN


@pytest.mark.xfail(reason="tls-exporter (RFC 9266), which gsasl binds to with TLS 1.3, is not implemented")
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "any"])
def test_client_binds_to_tls_1_3(mechanism):
    way = ConnectionSettings("starttls", mechanism)
    with build_server("gsasl", way, versions="TLSv1.3") as server:
        assert check_accepted("gsasl", server, way).auth.username == ANN


# -- LMTP ------------------------------------------------------------------------------------

# Over TCP in clear and with STARTTLS; a Unix socket has no host name that a client could verify.
LMTP_CASES = [case for case in build_cases("lmtp", "tls") if case[1:] != ("unix", "starttls") and case[2] != "implicit"]


@pytest.mark.parametrize(("name", "where", "tls"), LMTP_CASES)
def test_lmtp(name, where, tls, tmp_path):
    auth = "PLAIN" if CLIENTS[name].auth else ""
    way = ConnectionSettings(tls, auth, lmtp=True, path=str(tmp_path / "lmtp") if where == "unix" else "")
    with build_server(name, way) as server:
        session = check_accepted(name, server, way)

    assert session.peer.startswith("unix" if where == "unix" else "127.0.0.1:")
    assert (session.auth and session.auth.username) == (ANN if auth else None)


@pytest.mark.parametrize("name", ["msmtp"])
def test_lmtp_client_reports_each_refused_recipient(name):
    def decide(event, reply):
        return (
            Reply(550, "5.1.1", "Unknown") if event.verb == "DELIVERY" and event.rcpt.path.mailbox == CAROL else reply
        )

    way = ConnectionSettings(lmtp=True)
    with MailServer(protocol="lmtp", decide=decide) as server:
        with pytest.raises(ClientFailed, match=f"refuses to send the mail to {CAROL}"):
            CLIENTS[name].send(server, way)
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


def test_clients_page_has_the_table():
    first_section = PAGE.read_text("utf-8").partition("\n## ")[0]
    table = [line for line in first_section.splitlines() if line.startswith("| ")][1:]
    for line, (name, client) in zip(table, CLIENTS.items(), strict=True):
        columns = (client.tls, client.auth, client.lmtp, client.refuses, client.leaves)
        cells = [name, *(", ".join(WORDS.get(word, word) for word in column.split()) for column in columns)]
        assert [cell.strip() for cell in line.strip("|").split("|")] == cells


def test_clients_page_has_an_example_of_each_client():
    assert set(COMMANDS) == set(CLIENTS) - {"smtplib"}  # whose example is a doctest


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_on_the_clients_page_work(name, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    require_installed(shutil.which({"nodemailer": "node", "aiosmtplib": "python"}.get(name, name), path=path), name)
    require_installed(name != "nodemailer" or (NODE_MODULES / "nodemailer").exists(), name)
    (tmp_path / "mail").write_bytes(TEXT.encode())
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        settings = {"PORT": str(server.port), "CA_FILE": server.ca_file, "MAIL": str(tmp_path / "mail"), "PATH": path}
        run_client("bash", "-c", COMMANDS[name], NODE_PATH=str(NODE_MODULES), **settings)
        session = wait_for_session(server)

    assert session.tls is not None
    assert (session.auth is not None) == bool(CLIENTS[name].auth)
    assert len(server.inbox) == (name not in {"openssl", "gsasl"})
