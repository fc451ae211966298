"""The web page of all layers: their closed forms at a glance, a search, and what related layers have in common.

    Input    an entry for each layer: its derivation, and the files there are about it
    Output   the page, which needs no other file

What is related is found from the closed forms (`skeletons.families`), not from names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from derive.derivation import Derivation
from derive.graph import Quantity
from derive.printing.html import HtmlWriter, document
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.mathml_lines import inline, pieces
from derive.printing.names import Names, Notation
from derive.printing.outline import paragraphs_of, title_of
from derive.skeletons import Family, Member, families

_TITLE = "Derivations"
_ABOUT = (
    "Each layer has a page on which its backward pass is derived, line by line, and every line is checked. "
    "Here are the closed forms."
)
_RELATED = "Related layers"
_ON_RELATED = (
    "The gradients in a table are sums of the same products, or of some of them, each in its own letters; a factor may "
    "stand before a sum or inside it. What differs is which axes are summed over: those that are filled in. What is "
    "related is found from the closed forms; no name is looked at."
)
_SEARCH = (
    '<p class="search" hidden><label for="search">Search, with /</label> '
    '<input type="search" id="search" autocomplete="off" spellcheck="false"> '
    '<output for="search" class="quiet"></output></p>'
)
# So many closed forms are seen at a glance; the others can be opened.
_AT_A_GLANCE = 4


@dataclass(frozen=True)
class Entry:
    """What the index says of a layer; `links` are addresses by their labels, the first one that of its page."""

    derivation: Derivation
    links: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name of the layer."""
        return self.derivation.forward.name


def index_page(entries: Sequence[Entry], pages: Mapping[str, str], notation: Notation = "leibniz") -> str:
    """The page. `pages` are addresses of other pages by their titles. Raises UsageError for an unknown notation."""
    sections = [
        '<section id="layers" aria-labelledby="layers-heading">',
        f'<h2 id="layers-heading">{len(entries)} layers</h2>',
        _SEARCH,
        '<div class="cards">',
        *(_card(entry, notation) for entry in entries),
        "</div>",
        "</section>",
        *_related(entries, notation),
    ]
    others = "".join(f'<li><a href="{escape(address)}">{escape(title)}</a></li>' for title, address in pages.items())
    related = '<li><a href="#related">Related layers, side by side</a></li>'
    header = f'<p>{_ABOUT}</p>\n<nav aria-label="Pages"><ul>{related}{others}</ul></nav>\n'
    main = "\n".join(sections) + "\n"
    return document(_TITLE, header, main, ("page.css", "index.css"), ("index.js",))


def _writer(derivation: Derivation, notation: Notation) -> HtmlWriter:
    # The same letter is something else in each layer, so no symbol says whose it is.
    return HtmlWriter(LayerMathmlPrinter(Names.of(derivation, notation), marks=False))


def _card(entry: Entry, notation: Notation) -> str:
    """The name, what the layer is, its closed forms, and where there is more."""
    derivation, writer = entry.derivation, _writer(entry.derivation, notation)
    about = paragraphs_of(derivation.forward)[:1]
    words = " ".join([entry.name, *paragraphs_of(derivation.forward)])
    results = [writer.display(equation) for equation in derivation.results]
    shown = results if len(results) <= _AT_A_GLANCE + 1 else results[:_AT_A_GLANCE]
    more = results[len(shown) :]
    rest = f"<details><summary>{len(more)} more</summary>{''.join(more)}</details>" if more else ""
    links = " · ".join(f'<a href="{escape(address)}">{escape(label)}</a>' for label, address in entry.links.items())
    first = next(iter(entry.links.values()), "")
    title = escape(title_of(derivation))
    head = f'<a href="{escape(first)}">{title}</a>' if first else title
    return (
        f'<article class="card" id="{escape(entry.name)}" data-words="{escape(words)}"><h3>{head}</h3>'
        f"{''.join(f'<p>{escape(paragraph)}</p>' for paragraph in about)}"
        f'{"".join(shown)}{rest}<p class="quiet links">{links}</p></article>'
    )


def _related(entries: Sequence[Entry], notation: Notation) -> list[str]:
    """The families, each a table."""
    found = families([entry.derivation for entry in entries])
    pages = {entry.name: next(iter(entry.links.values()), "") for entry in entries}
    return [
        '<section id="related" aria-labelledby="related-heading">',
        f'<h2 id="related-heading">{_RELATED}</h2>',
        f"<p>{_ON_RELATED if found else 'No two of these layers have gradients with the same terms.'}</p>",
        *(_family(family, pages, notation) for family in found),
        "</section>",
    ]


def _family(family: Family, pages: Mapping[str, str], notation: Notation) -> str:
    names = " · ".join(dict.fromkeys(title_of(member.anatomy.derivation) for member in family))
    spans = "".join(
        f'<th scope="col"{span}>{title}</th>'
        for title, span in (
            ("layer", ""),
            ("gradient", ""),
            ("summed over", ""),
            ("common factor", ""),
            ("times the sum of", f' colspan="{len(family[0].terms)}"'),
        )
    )
    rows = "".join(_row(member, pages, notation) for member in family)
    return (
        f'<div class="scrolls" tabindex="0" role="region" aria-label="{escape(names)}">'
        f'<table class="family"><thead><tr>{spans}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(member: Member, pages: Mapping[str, str], notation: Notation) -> str:
    anatomy = member.anatomy
    derivation = anatomy.derivation
    printer = _writer(derivation, notation).printer
    name = derivation.forward.name
    title = escape(title_of(derivation))
    title = f'<a href="{escape(pages[name])}">{title}</a>' if pages[name] else title
    quantity = derivation.by_name[anatomy.equation.name]
    cells = [inline(printer.inline(anatomy.equation.left)), _axes(quantity, anatomy.summed, printer)]
    cells.append(_shown(printer.doprint(anatomy.factor)))
    for number, term in enumerate(member.terms):
        markup = "" if term is None else str(printer.doprint(term))
        if markup and number and not printer.is_negated(markup):
            markup = f'<mo form="prefix">+</mo>{markup}'
        cells.append(_shown(markup) if markup else '<span class="quiet">none</span>')
    return f'<tr><th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _shown(markup: str) -> str:
    """A formula in one piece: the table scrolls, and no line is broken in it."""
    return "".join(pieces(markup, math.inf))


def _axes(quantity: Quantity, summed: Sequence[str], printer: LayerMathmlPrinter) -> str:
    """The axes of a gradient as a row of boxes, those filled in that its sums run over."""
    boxes = []
    for extent in dict.fromkeys((*quantity.extents, *summed)):
        letter = inline(printer.index(extent))
        said = '<span class="said"> summed</span>' if extent in summed else ""
        boxes.append(f'<span class="axis{" summed" if extent in summed else ""}">{letter}{said}</span>')
    return f'<span class="axes">{"".join(boxes)}</span>'
