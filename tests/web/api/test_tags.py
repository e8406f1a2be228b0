"""The routes of tags."""

import pytest

SET = "/api/v1/tags"


def test_tags_are_listed_in_alphabetical_order(rest_api):
    rest_api.add_mail(X_Tags="b, A")
    rest_api.add_mail(X_Tags="c")

    assert rest_api.http.get("/api/v1/tags").text == '["A","b","c"]\n'
    assert rest_api.http.get("/api/v1/info").json()["Tags"] == {"A": 1, "b": 1, "c": 1}


def test_set_tags_replaces_tags(rest_api):
    one, two, three = rest_api.add_mail(X_Tags="old"), rest_api.add_mail(), rest_api.add_mail(X_Tags="old")
    response = rest_api.http.put(SET, json={"Tags": ["new", "New", " a  b "], "IDs": [one, two, "none"]})

    assert (response.status_code, response.text) == (200, "ok")
    assert rest_api.store.get_entry(one).tags == ("a b", "new") == rest_api.store.get_entry(two).tags
    assert rest_api.store.get_entry(three).tags == ("old",)


@pytest.mark.parametrize("tags", ["[]", "null"])
def test_set_tags_with_an_empty_list_removes_tags(rest_api, tags):
    mail_id = rest_api.add_mail(X_Tags="old")
    rest_api.http.put(SET, content=f'{{"Tags": {tags}, "IDs": ["{mail_id}"]}}')

    assert rest_api.store.get_entry(mail_id).tags == ()


def test_set_tags_without_ids_changes_nothing(rest_api):
    mail_id = rest_api.add_mail(X_Tags="old")
    response = rest_api.http.put(SET, json={"Tags": ["new"]})

    assert response.text == "ok" and rest_api.store.get_entry(mail_id).tags == ("old",)


@pytest.mark.parametrize("body", ["", "[]", '{"Tags": "a", "IDs": ["1"]}'])
def test_invalid_body_returns_400(rest_api, body):
    assert rest_api.http.put(SET, content=body).status_code == 400


@pytest.mark.parametrize("tag", ["old", "OLD"])
@pytest.mark.parametrize("new", ["new", "Old", "a/b"])
def test_rename_tag(rest_api, tag, new):
    rest_api.add_mail(X_Tags="old, other")
    response = rest_api.http.put(f"{SET}/{tag}", json={"name": new})

    assert (response.status_code, response.text) == (200, "ok")
    assert sorted(rest_api.store.count_tags()) == sorted([new, "other"])


@pytest.mark.parametrize(
    ("tag", "body", "reason"),
    [
        ("old", '{"Name": ""}', "invalid tag name"),
        ("old", "{}", "invalid tag name"),
        ("old", '{"Name": "a,b"}', "invalid tag name"),
        ("none", '{"Name": "new"}', "tag not found: none"),
        ("%00", '{"Name": "new"}', "tag not found: \N{REPLACEMENT CHARACTER}"),
        ("old", '{"Name": "Other"}', "tag already exists: Other"),
        ("old", "", "the body must be JSON"),
    ],
)
def test_rename_tag_errors(rest_api, tag, body, reason):
    rest_api.add_mail(X_Tags="old, other")
    response = rest_api.http.put(f"{SET}/{tag}", content=body)

    assert response.status_code == 400 and response.text.startswith(reason)
    assert list(rest_api.store.count_tags()) == ["old", "other"]


def test_delete_tag_keeps_the_mail(rest_api):
    mail_id = rest_api.add_mail(X_Tags="a/b, other")
    response = rest_api.http.delete(f"{SET}/a%2Fb")

    assert (response.status_code, response.text) == (200, "ok")
    assert rest_api.store.get_entry(mail_id).tags == ("other",)
    assert rest_api.http.delete(f"{SET}/a%2Fb").text == "tag not found: a/b"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([f"t{number}" for number in range(100)], None),
        ([f"t{number}" for number in range(101)], "a mail must have at most 100 tags, got 101; remove some"),
        ([",".join(f"t{number}" for number in range(150))], "a mail must have at most 100 tags, got 150; remove some"),
        (["x" * 101], "a tag must have at most 100 characters, got 101; shorten it"),
    ],
)
def test_tags_that_cannot_be_kept_are_refused(rest_api, tags, reason):
    mail_id = rest_api.add_mail(X_Tags="old")
    response = rest_api.http.put(SET, json={"Tags": tags, "IDs": [mail_id]})

    kept = rest_api.store.get_entry(mail_id).tags
    if reason is None:
        assert (response.status_code, len(kept)) == (200, len(tags))
    else:
        assert (response.status_code, kept) == (400, ("old",)) and reason in response.text


def test_renaming_a_tag_to_one_that_is_too_long_is_refused(rest_api):
    rest_api.add_mail(X_Tags="old")
    response = rest_api.http.put(f"{SET}/old", json={"Name": "x" * 101})

    assert response.status_code == 400 and "at most 100 characters, got 101" in response.text


@pytest.mark.parametrize(("count", "status"), [(100, 200), (101, 400)])
def test_send_refuses_tags_that_cannot_be_kept(rest_api, count, status):
    mail = {"From": {"Email": "a@example.com"}, "To": [{"Email": "b@example.com"}], "Subject": "Hi"}
    response = rest_api.http.post("/api/v1/send", json={**mail, "Tags": [f"t{number}" for number in range(count)]})

    assert response.status_code == status
    if status == 200:
        assert len(rest_api.store.get_entry(response.json()["ID"]).tags) == count
