"""Slots that are united have one extent."""

from derive.syntax.extents import Slot


def test_an_extent_reaches_every_equal_slot_in_whatever_order():
    a, b, c, d = Slot(), Slot(), Slot(), Slot("N", "x: [N]")
    assert a.unite(b)
    assert c.unite(d)
    assert a.extent is None
    assert b.unite(c)
    assert {slot.extent for slot in (a, b, c, d)} == {"N"}
    assert a.because == "x: [N]"
    assert a.unite(d)


def test_two_extents_are_not_united():
    a, b = Slot("N"), Slot("D")
    assert not a.unite(b)
    assert (a.extent, b.extent) == ("N", "D")
    assert Slot("N").unite(a)
