"""Numbers are exact."""

import ast

import pytest
from sympy import Rational

from derive.errors import LayerError
from derive.syntax.literals import number
from derive.syntax.source import Source


def read(text):
    source = Source(text, "f.layer")
    return number(source, source.tree.body[0].value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Rational(0)),
        ("12", Rational(12)),
        ("0b101", Rational(5)),
        ("0.1", Rational(1, 10)),
        (".5", Rational(1, 2)),
        ("5.", Rational(5)),
        ("1e-5", Rational(1, 100000)),
        ("1E+3", Rational(1000)),
        ("1.50e2", Rational(150)),
        ("12_3.4_5", Rational(12345, 100)),
        ("0.30000000000000004", Rational(30000000000000004, 10**17)),
        ("1e-300", Rational(1, 10**300)),
        ("0e300", Rational(0)),
    ],
)
def test_exact(text, expected):
    assert read(text) == expected


REFUSED = ["1e301", "1e-301", "1e999999999999", "0." + "1" * 400, "2j", "'2'", "b'2'", "None", "..."]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    with pytest.raises(LayerError):
        read(text)


def test_the_literal_is_read_from_the_text_and_not_from_the_float():
    assert read("0.1") != Rational(0.1)
    assert isinstance(ast.parse("0.1").body[0].value.value, float)
