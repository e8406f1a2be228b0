"""Links in plain text and in HTML."""

import pytest

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.html.text import render_text
from lazr.smtptest.mail.links import Link, find_links
from tests.mail.link_examples import DECISIONS, EXAMPLES


def receive_html(html):
    envelope = Envelope("a@e.test", ("b@e.test",), mail_parameters={}, rcpt_parameters=({},))
    return Mail("1", envelope, [f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()])


@pytest.mark.parametrize(("text", "urls"), [*EXAMPLES, *((text, urls) for text, urls, _ in DECISIONS)])
def test_urls_in_text_are_those_that_a_reader_sees(text, urls):
    assert [link.url for link in find_links(text, "text", pytest.fail)] == urls


@pytest.mark.parametrize(
    ("content", "text"),
    [
        # A reader sees separate lines, cells and images.
        ("A<br>B", "A B"),
        ("A<br/><br>B", "A B"),
        ("<div>A</div><div>B</div>", "A B"),
        ("<p>A<p>B", "A B"),
        ("A<div>B</div>C", "A B C"),
        ("<h1>A</h1>B", "A B"),
        ("<table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table>", "A B C"),
        ("<ul><li>A</li><li>B</li></ul>", "A B"),
        ("<blockquote>A</blockquote><section>B</section>", "A B"),
        ("A<hr>B", "A B"),
        ("<img alt=A><img alt=B>", "A B"),
        ("A<img src=x alt=B>C", "A B C"),
        # It is one word to a reader.
        ("A<b>B</b>", "AB"),
        ("<span>A</span><span>B</span>", "AB"),
        ("A<wbr>B", "AB"),
        ("A&shy;B\u200b", "AB"),
        ("  A \n\t B&nbsp; ", "A B"),
        ("A &amp; B &lt;C&gt;", "A & B <C>"),
        ("<b>A</b> <i>B</i>", "A B"),
        ("A<!-- x -->B", "AB"),
        # It is invisible.
        ("A<span style='display:none'>B</span>", "A"),
        ("A<span hidden>B<br>C</span>D", "AD"),
        ("A<style>B</style><script>C</script>", "A"),
        ("A<img alt=B hidden>", "A"),
        ("<img src=x>", ""),
        ("", ""),
    ],
)
def test_text_of_link_is_what_a_reader_sees(content, text):
    assert receive_html(f"<a href='https://e.test/'>{content}</a>").links[0].text == text


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ("href='https://e.test/a'", "https://e.test/a"),
        ("href=https://e.test/a", "https://e.test/a"),
        ('HREF = "https://e.test/a"', "https://e.test/a"),
        ("href=' https://e.test/a '", "https://e.test/a"),
        ("href='\n\thttps://e.test/\n  a\t'", "https://e.test/  a"),
        ("href='https://e.test/\r\na'", "https://e.test/a"),
        ("href='\x01https://e.test/a\x1f'", "https://e.test/a"),
        ("href='https://e.test/a\xa0'", "https://e.test/a\xa0"),
        ("href='https://e.test/?a=1&amp;b=2'", "https://e.test/?a=1&b=2"),
        ("href='https&#58;//e.test/'", "https://e.test/"),
        ("href='/confirm?t=1'", "/confirm?t=1"),
        ("href='confirm.html#a'", "confirm.html#a"),
        ("href='//e.test/a'", "//e.test/a"),
        ("href='#top'", "#top"),
        ("href=''", ""),
        ("href", ""),
        ("href='tel:+491701234567'", "tel:+491701234567"),
        ("href='{{ url }}'", "{{ url }}"),
        ("href='https://'", "https://"),
        ("href='a' href='b'", "a"),
    ],
)
def test_url_of_link_is_as_a_browser_reads_the_attribute(attributes, url):
    assert receive_html(f"<a {attributes}>x</a>").links == (Link(url, "x", "html"),)


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("https://e.test/", {}),
        ("https://e.test/?", {}),
        ("https://e.test/confirm?t=9F3K", {"t": "9F3K"}),
        ("https://e.test/?a=1&b=2", {"a": "1", "b": "2"}),
        ("https://e.test/?a=1&a=2", {"a": "1"}),
        ("https://e.test/?a", {"a": ""}),
        ("https://e.test/?a=&b=1&&", {"a": "", "b": "1"}),
        ("https://e.test/?a=b=c", {"a": "b=c"}),
        ("https://e.test/?a=1;b=2", {"a": "1;b=2"}),
        ("https://e.test/?a%20b=c%2Bd+e", {"a b": "c+d e"}),
        ("https://e.test/?n=Gr%C3%BC%C3%9Fe", {"n": "Gr\xfc\xdfe"}),
        ("https://e.test/?n=Gr\xfc\xdfe", {"n": "Gr\xfc\xdfe"}),
        ("https://e.test/?n=%FF%", {"n": "\ufffd%"}),
        ("https://e.test/?n=%00", {"n": "\ufffd"}),
        ("https://e.test/?u=https://f.test/?a=1", {"u": "https://f.test/?a=1"}),
        ("https://e.test/?a=1#b=2", {"a": "1"}),
        ("https://e.test/#/confirm?t=1", {}),
        ("/confirm?t=1", {"t": "1"}),
        ("http://[::1?a=1", {"a": "1"}),
        ("mailto:a@e.test?subject=a+b%20c", {"subject": "a+b c"}),
        ("", {}),
    ],
)
def test_query_has_the_parameters_of_the_url(url, parameters):
    assert Link(url, "", "text").query == parameters


def test_query_names_the_known_parameters_for_an_unknown_one():
    query = Link("https://e.test/?token=1&user=2", "", "text").query

    with pytest.raises(KeyError, match="unknown parameter 'tokn'; did you mean 'token'\\? Known: token, user"):
        query["tokn"]
    with pytest.raises(KeyError, match="unknown parameter 't'; known: none"):
        Link("https://e.test/", "", "text").query["t"]
    assert query.get("tokn") is None
    assert "tokn" not in query


def test_number_of_links_in_text_is_limited(monkeypatch):
    monkeypatch.setattr("lazr.smtptest.mail.mime.limits.MAX_FINDS", 2)
    reasons = []
    text = "https://a.test http:// https://b.test"

    assert len(list(find_links(text, "text", pytest.fail))) == 2
    assert len(list(find_links(f"{text} https://c.test", "text", reasons.append))) == 2
    assert reasons == ["more than 2 links: truncated"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><b title='a long title'>b</b>", "a\n"),
        ("<p>a</p><!-- a comment --><b>b</b>", "a\n"),
        ("<p>a</p>b<style>p { color: red }</style>", "a\n\nb\n"),
        ("<p>a</p>words at the limit<p>b</p>", "a\n\nwords a\n"),
        ("<p>a</p>words at the limit", "a\n\nwords a\n"),
    ],
)
def test_html_is_not_cut_within_a_tag(monkeypatch, html, text):
    monkeypatch.setattr("lazr.smtptest.mail.mime.limits.MAX_DERIVED_CHARACTERS", 15)
    reasons = []

    assert render_text(html, reasons.append)[0] == text
    assert reasons == ["only the first 15 characters are searched: truncated"]
