"""Makes the pictures of pages that the README shows: python tests/screenshots.py.

Needs Chromium; no test compares the pictures, since every version of it and every font draws a little differently.
"""

from __future__ import annotations

import html
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from browser import CHROMIUM

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "output" / "docs"
FOLDER = ROOT / "output" / "pictures"
_FRAME = """<body style="margin: 0">
<iframe srcdoc="{page}" style="width: {width}px; height: {height}px; border: 0"></iframe>"""
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
    width, height = shot.size
    page = (DOCS / shot.page).read_text(encoding="utf-8")
    page = page.replace("</body>", _SCRIPT.format(script=shot.script))
    target = folder / f"{shot.name}.png"
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "page.html"
        file.write_text(_FRAME.format(page=html.escape(page), width=width, height=height), encoding="utf-8")
        flags = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
            "--virtual-time-budget=4000", f"--user-data-dir={place}/profile", f"--window-size={width},{height}",
            f"--screenshot={target}",
        ]  # fmt: skip
        flags += ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if shot.dark else []
        subprocess.run([CHROMIUM, *flags, file.as_uri()], capture_output=True, timeout=120, check=True)
    return target


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        print(take(shot, FOLDER))
