"""Build MIME messages for tests."""

from email.message import EmailMessage


def build_message_with_files(*files, html=""):
    """Return the bytes of a message with attachments; each is a content type, a file name and the content."""
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Subject"] = "Files"
    message.set_content("See the files.\n")
    if html:
        message.add_alternative(html, subtype="html")
    for content_type, name, content in files:
        maintype, _, subtype = content_type.partition("/")
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")
