"""Claims found under names that vary: their own name and their raw path stay known."""

from projections.normalization.claims.views import AS_SENT, LOOSE, SEGMENTS, segment, squash, unwrapped


def test_names_are_compared_loosely() -> None:
    """Without case, blanks, underscores and dashes; a very long name is left alone."""
    assert squash("Last Name") == squash("last_name") == squash("last-Name") == "lastname"
    assert squash("A" * 128) == "a" * 128
    assert squash("A" * 129) == "A" * 129


def test_the_last_segment_of_a_uri() -> None:
    """Behind the last slash or colon; a name that is no URI is itself."""
    assert segment("http://schemas.example/claims/email") == "email"
    assert segment("http://schemas.example/claims/email/") == "email"
    assert segment("urn:oid:0.9.2342") == "0.9.2342"
    assert segment("a/b") == "a/b"
    assert segment("http:///") != ""


def test_as_sent() -> None:
    """Nothing is renamed."""
    reading = AS_SENT.read({"Name": "x"})
    assert (reading.claims, dict(reading.own), dict(reading.raw)) == ({"Name": "x"}, {}, {})
    assert AS_SENT.fold("Name") == "Name"


def test_the_better_of_two_spellings() -> None:
    """One that has a value, then one in lower case, then the first by name; the other keeps its own."""
    reading = LOOSE.read({"E_Mail": "a", "e_mail": "b"})
    assert reading.claims["email"] == "b"
    assert "E_Mail" in reading.own.values()
    assert LOOSE.read({"e_mail": "", "E_Mail": "a"}).claims["email"] == "a"
    assert LOOSE.read({"email": "1", "e_mail": "2"}).claims["email"] == "2"
    assert LOOSE.read({"e_mail": "2", "email": "1"}).claims["email"] == "2"
    assert LOOSE.fold("E_Mail") == "email"


def test_segments() -> None:
    """The raw path is the URI, the own name its last segment."""
    reading = SEGMENTS.read({"http://x/claims/GivenName": "J"})
    assert reading.claims == {"givenname": "J"}
    assert (reading.own["givenname"], reading.raw["givenname"]) == ("GivenName", "http://x/claims/GivenName")
    assert SEGMENTS.fold("http://x/claims/GivenName") == "givenname"


def test_a_wrapper_is_opened() -> None:
    """Its members come up with their raw path; a list's first object, the others stay."""
    reading = unwrapped("data").read({"data": {"name": "J"}, "id": 1})
    assert reading.claims == {"id": 1, "name": "J"}
    assert reading.raw["name"] == "data.name"
    listed = unwrapped("data").read({"data": [{"name": "J"}, {"name": "K"}]})
    assert listed.claims == {"name": "J", "data": [{}, {"name": "K"}]}
    assert listed.raw["name"] == "data[0].name"


def test_an_outer_claim_comes_first() -> None:
    """Unless it is empty; the inner one then stays in its wrapper, and so does one of the wrapper's name."""
    assert unwrapped("data").read({"data": {"name": "J", "x": 1}, "name": "K"}).claims == {
        "name": "K", "x": 1, "data": {"name": "J"},
    }  # fmt: skip
    assert unwrapped("data").read({"data": {"name": "J"}, "name": ""}).claims == {"name": "J"}
    assert unwrapped("data").read({"data": {"data": "J"}}).claims == {"data": {"data": "J"}}


def test_only_objects_are_unwrapped() -> None:
    """It stays as it is."""
    for value in ("x", [], ["x"], {}, None):
        assert unwrapped("data").read({"data": value}).claims == {"data": value}


def test_wrappers_in_wrappers() -> None:
    """Are opened to a depth of four."""
    view = unwrapped("a", "b")
    assert view.read({"a": {"b": {"x": 1}}}).claims == {"x": 1}
    assert view.read({"a": {"b": {"x": 1}}}).raw["x"] == "a.b.x"
    deep = {"a": {"b": {"c": {"d": {"e": {"x": 1}}}}}}
    assert unwrapped("a", "b", "c", "d", "e").read(deep).claims == {"e": {"x": 1}}


def test_a_loose_wrapper() -> None:
    """Names are compared loosely whether there is a wrapper or not."""
    view = unwrapped("data", loosely=True)
    assert view.read({"data": {"Last_Name": "D"}}).claims == {"lastname": "D"}
    assert view.read({"Last_Name": "D"}).claims == {"lastname": "D"}
    assert view.fold("Last_Name") == "lastname"
    assert unwrapped("data").fold("Last_Name") == "Last_Name"
