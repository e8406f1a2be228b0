"""Tags over HTTP."""

import pytest

SET = "/api/v1/tags"


def test_tags_are_listed_in_order(caught):
    caught.mail(X_Tags="b, A")
    caught.mail(X_Tags="c")

    assert caught.http.get("/api/v1/tags").text == '["A","b","c"]\n'
    assert caught.http.get("/api/v1/info").json()["Tags"] == {"A": 1, "b": 1, "c": 1}


def test_tags_take_the_place_of_others(caught):
    one, two, three = caught.mail(X_Tags="old"), caught.mail(), caught.mail(X_Tags="old")
    answer = caught.http.put(SET, json={"Tags": ["new", "New", " a  b "], "IDs": [one, two, "none"]})

    assert (answer.status_code, answer.text) == (200, "ok")
    assert caught.store.entry(one).tags == ("a b", "new") == caught.store.entry(two).tags
    assert caught.store.entry(three).tags == ("old",)


@pytest.mark.parametrize("tags", ["[]", "null"])
def test_tags_are_taken_off(caught, tags):
    name = caught.mail(X_Tags="old")
    caught.http.put(SET, content=f'{{"Tags": {tags}, "IDs": ["{name}"]}}')

    assert caught.store.entry(name).tags == ()


def test_without_ids_nothing_is_done(caught):
    name = caught.mail(X_Tags="old")
    answer = caught.http.put(SET, json={"Tags": ["new"]})

    assert answer.text == "ok" and caught.store.entry(name).tags == ("old",)


@pytest.mark.parametrize("body", ["", "[]", '{"Tags": "a", "IDs": ["1"]}'])
def test_a_body_that_makes_no_sense(caught, body):
    assert caught.http.put(SET, content=body).status_code == 400


@pytest.mark.parametrize("tag", ["old", "OLD"])
@pytest.mark.parametrize("new", ["new", "Old", "a/b"])
def test_a_tag_is_renamed(caught, tag, new):
    caught.mail(X_Tags="old, other")
    answer = caught.http.put(f"{SET}/{tag}", json={"name": new})

    assert (answer.status_code, answer.text) == (200, "ok")
    assert sorted(caught.store.tags()) == sorted([new, "other"])


@pytest.mark.parametrize(
    ("tag", "body", "reason"),
    [
        ("old", '{"Name": ""}', "invalid tag name"),
        ("old", "{}", "invalid tag name"),
        ("old", '{"Name": "a,b"}', "invalid tag name"),
        ("none", '{"Name": "new"}', "tag not found: none"),
        ("%00", '{"Name": "new"}', "tag not found: \N{REPLACEMENT CHARACTER}"),
        ("old", '{"Name": "Other"}', "tag already exists: Other"),
        ("old", "", "the body is no JSON"),
    ],
)
def test_a_tag_is_not_renamed(caught, tag, body, reason):
    caught.mail(X_Tags="old, other")
    answer = caught.http.put(f"{SET}/{tag}", content=body)

    assert answer.status_code == 400 and answer.text.startswith(reason)
    assert list(caught.store.tags()) == ["old", "other"]


def test_a_tag_is_deleted_and_the_mail_stays(caught):
    name = caught.mail(X_Tags="a/b, other")
    answer = caught.http.delete(f"{SET}/a%2Fb")

    assert (answer.status_code, answer.text) == (200, "ok")
    assert caught.store.entry(name).tags == ("other",)
    assert caught.http.delete(f"{SET}/a%2Fb").text == "tag not found: a/b"
