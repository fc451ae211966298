"""Makes the pictures of pages that the README shows: python tests/screenshots.py.

Needs Chromium; no test compares the pictures, since every version of it and every font draws a little differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from browser import open_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "output" / "docs"
FOLDER = ROOT / "output" / "pictures"
# What each script has at hand.
_SCRIPT = """<script>
const one = (selector) => document.querySelector(selector);
const point = (selector) => one(selector).dispatchEvent(new PointerEvent("pointerover", {{bubbles: true}}));
{script}
</script></body>"""


@dataclass(frozen=True)
class Shot:
    """A page, from where an element begins on, after a script."""

    name: str
    page: str
    size: tuple[int, int]
    script: str
    dark: bool = False


SHOTS = [
    Shot(
        "derivation", "batch_norm/derivation.html", (1000, 640),
        """
        const steps = [...document.querySelectorAll("details.step")];
        const step = steps.find((each) => each.textContent.includes("vanishes"));
        step.open = true;
        step.previousElementSibling.scrollIntoView();
        point('#derivation [data-q="mu"]');
        """,
    ),
    Shot(
        "graph", "batch_norm/derivation.html", (1000, 640),
        """
        one("#flow").click();
        one("#graph").scrollIntoView();
        point('#graph [data-name="var"] a');
        """,
        dark=True,
    ),
    Shot("related", "index.html", (1400, 760), 'one("#related").scrollIntoView();'),
]  # fmt: skip


def take(shot: Shot, folder: Path) -> Path:
    """The picture, in a folder."""
    page = (DOCS / shot.page).read_text(encoding="utf-8").replace("</body>", _SCRIPT.format(script=shot.script))
    target = folder / f"{shot.name}.png"
    open_page(page, shot.size, f"--screenshot={target}", dark=shot.dark)
    return target


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        print(take(shot, FOLDER))
