"""Places in a text: characters, not bytes; and texts that Python cannot read."""

import ast

import pytest

from derive.errors import LayerError
from derive.syntax.source import MAX_CHARACTERS, Source


def names(text):
    source = Source(text, "f.layer")
    found = [node for node in ast.walk(source.tree) if isinstance(node, ast.Name)]
    return source, sorted(found, key=lambda node: (node.lineno, node.col_offset))


def test_columns_count_characters():
    source, found = names("γγ = δ𝛿 + x̂\r\ny = γγ")
    places = [source.error(node, "here").location for node in found]
    assert [(p.line, p.column) for p in places] == [(1, 0), (1, 5), (1, 10), (2, 0), (2, 4)]


def test_spelling_is_that_of_the_text():
    source, found = names("µ = ﬁ + x")
    assert [(node.id, source.spelling(node)) for node in found] == [("μ", "µ"), ("fi", "ﬁ"), ("x", "x")]


def test_spelling_over_several_lines():
    source = Source("y = (a +\n     é*b)", "f.layer")
    assert source.spelling(source.tree.body[0].value) == "a + é*b"


def test_a_place_outside_the_text_is_moved_into_it():
    location = Source("y = 1", "f.layer").error_at(9, 99, "here").location
    assert (location.line, location.column) == (1, 5)


def test_warnings_of_python_are_not_shown(recwarn):
    Source('y: "\\sigma"', "f.layer")
    assert not recwarn.list


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x0b", "\x0c", "\x7f", "\x85", "\u202e", "\u2066", "\ud800"])
def test_invisible_characters_are_refused_where_they_stand(character):
    with pytest.raises(LayerError, match="control character") as caught:
        Source(f"x: [N]\n# a{character}b", "f.layer")
    assert (caught.value.location.line, caught.value.location.column) == (2, 3)


def test_the_length_is_checked_before_anything_is_read():
    with pytest.raises(LayerError, match="characters, more than"):
        Source("(" * (MAX_CHARACTERS + 1), "f.layer")
