"""A page opened in headless Chromium: what a script finds there, and what the console says."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
needs_axe = pytest.mark.skipif("AXE_CORE" not in os.environ, reason="AXE_CORE does not say where axe.min.js is")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
    "--virtual-time-budget=8000",
)  # fmt: skip
_DARK = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0")
_NARROWEST = 500
# A window is never narrower than that, so the page stands in a frame, which is as wide as one asks for.
_FRAME = """<!DOCTYPE html><body style="margin: 0">
<iframe srcdoc="{page}" style="width: {width}px; height: {height}px; border: 0"></iframe>
<script>addEventListener("message", (event) => {{
  document.documentElement.innerHTML = "<body><pre id=result></pre></body>";
  document.getElementById("result").textContent = event.data;
}});</script></body>"""
_AFTER = """<script>(async () => {{
  const result = await (async () => {{ {script} }})();
  parent.postMessage(JSON.stringify(result), "*");
}})();</script></body>"""
_OPEN_ALL = 'document.querySelectorAll("details").forEach((each) => { each.open = true; });'


def open_page(page: str, size: tuple[int, int], *flags: str, dark: bool = False) -> subprocess.CompletedProcess[str]:
    """What Chromium says with a page of just this size in its window."""
    width, height = size
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(_FRAME.format(page=html.escape(page), width=width, height=height), encoding="utf-8")
        window = f"--window-size={max(width, _NARROWEST)},{height}"
        command = [CHROMIUM, *_FLAGS, f"--user-data-dir={folder}/profile", window, *flags, *(_DARK if dark else ())]
        return subprocess.run(
            [*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
        )


def run_in_page(page: str, script: str, width: int = 1000, dark: bool = False) -> tuple[Any, list[str]]:
    """What a script returns that runs in the page, and the lines of the console."""
    done = open_page(page.replace("</body>", _AFTER.format(script=script)), (width, 900), "--dump-dom", dark=dark)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), said


def axe_violations(page: str, width: int = 1000, dark: bool = False) -> list[list[str]]:
    """What axe finds with everything open: rules, each with the first element that breaks it."""
    axe = Path(os.environ["AXE_CORE"]).read_text(encoding="utf-8")
    script = f"""
      {_OPEN_ALL}
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await axe.run(document)).violations.map((each) => [each.id, each.nodes[0].html]);
    """
    found, _ = run_in_page(page.replace("</body>", f"<script>{axe}</script></body>"), script, width, dark)
    return list(found)


def assert_it_fits(page: str, width: int) -> None:
    """With everything open no formula is cut off or missing, nothing scrolls sideways, and the console is silent."""
    script = f"""
      {_OPEN_ALL}
      const wide = [...document.querySelectorAll(".formula")].filter((e) => e.scrollWidth > e.clientWidth + 1);
      const flat = [...document.querySelectorAll("math")].filter(
        (e) => e.getBoundingClientRect().width === 0 && e.closest("details[open], section"));
      return {{inner: innerWidth, scroll: document.documentElement.scrollWidth, flat: flat.length,
               wide: wide.map((e) => e.textContent), formulas: document.querySelectorAll("math").length}};
    """
    found, said = run_in_page(page, script, width)
    assert not said
    assert found["inner"] == width
    assert found["scroll"] <= width
    assert found["wide"] == []
    assert found["flat"] == 0
    assert found["formulas"] > 40
