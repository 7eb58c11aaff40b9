import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprep.errors import ShardError
from alexprep.shards.sample import (
    MAX_KEY,
    decode_label,
    encode_label,
    escape,
    make_keys,
    member_name,
    split_member,
)

NAME = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=60
).filter(lambda name: name not in (".", ".."))
PATH = st.lists(NAME, min_size=1, max_size=3).map("/".join)


@given(st.lists(PATH, unique=True, max_size=12), NAME)
def test_different_sources_of_a_class_have_different_keys(names, class_name):
    keys = make_keys(class_name, names)
    assert len(set(keys)) == len(names)
    assert all(len(key) <= MAX_KEY and key.isascii() for key in keys)
    assert len({key.split("/")[0] for key in keys}) <= 1  # a class stays one folder


@given(st.lists(PATH, unique=True, max_size=8), NAME)
def test_every_key_makes_member_names_that_are_read_back(names, class_name):
    for key in make_keys(class_name, names):
        assert split_member(member_name(key, "jpg")) == (key, "jpg")


@given(st.lists(st.sampled_from(["a", "b", ".", "/", "%", "2E"]), min_size=1).map("".join))
def test_escape_is_injective(text):
    from urllib.parse import unquote

    assert unquote(escape(text)) == text


def test_an_imagenet_name_keeps_its_plain_stem():
    assert make_keys("n01440764", ["n01440764_10026.JPEG"]) == ["n01440764/n01440764_10026"]


def test_sources_that_differ_only_in_folder_or_extension_take_those_into_the_stem():
    keys = make_keys("cat", ["a.jpg", "a.png", "b.jpg", "x/b.jpg"])
    assert keys == ["cat/a%2Ejpg", "cat/a%2Epng", "cat/b%2Ejpg", "cat/x%2Fb%2Ejpg"]


def test_a_name_without_extension_does_not_take_the_key_of_one_with():
    keys = make_keys("cat", ["c", "c.jpg", "x/d", "d.e.jpg", "d.e"])
    assert keys == ["cat/c", "cat/c%2Ejpg", "cat/x%2Fd", "cat/d%2Ee%2Ejpg", "cat/d%2Ee"]


def test_bytes_that_are_no_utf8_have_keys_too():
    assert make_keys("c", ["caf\udce9.jpg"]) == ["c/caf%E9"]


@pytest.mark.parametrize(
    "name", ["../a.jpg", "/etc/passwd", "a/b/c.jpg", "a/b", "a/.jpg", "a/%2.jpg"]
)
def test_member_names_outside_the_form_are_refused(name):
    with pytest.raises(ShardError, match="is not named <class>/<stem>"):
        split_member(name)


@given(st.integers(0, 99_999_999))
def test_labels_are_read_back(label):
    assert decode_label(encode_label(label)) == label


@pytest.mark.parametrize("data", [b"", b"-1", b"1\n", b"x", b"1" * 10])
def test_a_label_that_is_no_number_is_refused(data):
    with pytest.raises(ShardError, match="must be a number"):
        decode_label(data)
