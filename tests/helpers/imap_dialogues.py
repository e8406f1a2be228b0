"""Pieces of IMAP dialogues, valid and broken, so that random input gets further than the first BAD."""

PIECES = [
    b"a LOGIN ann x\r\n", b"a SELECT INBOX\r\n", b"a EXAMINE Trash\r\n", b"a SELECT Nowhere\r\n", b"a NOOP\r\n",
    b"a CHECK\r\n", b"a FETCH 1:* (FLAGS UID)\r\n", b"a FETCH 1:* BODY[]\r\n",
    b"a UID FETCH 1:* (BODY.PEEK[1.2.3])\r\n",
    b"a FETCH 1:* ALL\r\n", b"a FETCH 2 BINARY[1]<0.5>\r\n", b"a FETCH 1:* BODY[HEADER.FIELDS (Subject)]\r\n",
    b"a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 3)\r\n", b"a STORE 1:* +FLAGS (\\Deleted x)\r\n", b"a EXPUNGE\r\n",
    b"a STORE 1 (UNCHANGEDSINCE 1) FLAGS.SILENT (\\Seen)\r\n", b"a UID EXPUNGE 1:2\r\n", b"a COPY 1:* Trash\r\n",
    b"a MOVE 1 Sent\r\n", b"a UID MOVE 1:* Nowhere\r\n", b"a CLOSE\r\n", b"a UNSELECT\r\n", b'a LIST "" *\r\n',
    b'a LIST (SUBSCRIBED RECURSIVEMATCH) "" (% a/%) RETURN (STATUS (MESSAGES SIZE))\r\n', b'a LSUB "" %\r\n',
    b"a CREATE a/b\r\n", b"a SUBSCRIBE a/b\r\n", b"a DELETE a/b\r\n", b"a RENAME INBOX c\r\n", b"a IDLE\r\n",
    b"DONE\r\n", b"*\r\n", b"a STATUS INBOX (MESSAGES HIGHESTMODSEQ)\r\n", b"a APPEND INBOX {5}\r\n", b"Hello\r\n",
    b"a APPEND INBOX (\\Seen) {2+}\r\nHi\r\n", b"a APPEND INBOX {400}\r\n", b"a APPEND INBOX {400+}\r\n",
    b"a SEARCH RETURN (SAVE MIN) TEXT Hello\r\n", b"a UID SEARCH OR SEEN NOT (SUBJECT {3+}\r\nHi?)\r\n",
    b"a FETCH $ UID\r\n",
    b"a SEARCH MODSEQ 2 SINCE 1-Jan-2001\r\n", b"a ENABLE IMAP4rev2 CONDSTORE\r\n", b"a ENABLE UTF8=ACCEPT\r\n",
    b"a AUTHENTICATE PLAIN\r\n", b"AGFubgB4\r\n", b"a AUTHENTICATE LOGIN =\r\n", b"a CAPABILITY\r\n", b"a ID NIL\r\n",
    b"a NAMESPACE\r\n", b"a LOGOUT\r\n", b"a SORT (DATE) UTF-8 ALL\r\n", b"a THREAD REFERENCES UTF-8 ALL\r\n",
    b"a SORT RETURN (SAVE) (REVERSE DATE) UTF-8 ALL\r\n", b"a",
    b" ", b"\r\n", b"\n", b"\0", b"\xff", b"(" * 50, b"{5}\r\n", b"{99999999999999}\r\n", b"{4294967295+}\r\n", b'"',
    b"a FETCH 1:4294967295 (FLAGS)\r\n", b"x" * 300, b"GET / HTTP/1.1\r\n",
]  # fmt: skip
