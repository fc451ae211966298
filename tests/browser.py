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
    "--virtual-time-budget=8000", "--dump-dom",
)  # fmt: skip
# A window is never narrower than 500 pixels, so the page stands in a frame, which is as wide as one asks for.
_FRAME = """<!DOCTYPE html><body style="margin: 0">
<iframe srcdoc="{page}" style="width: {width}px; height: 900px; border: 0"></iframe>
<script>addEventListener("message", (event) => {{
  document.documentElement.innerHTML = "<body><pre id=result></pre></body>";
  document.getElementById("result").textContent = event.data;
}});</script></body>"""
_AFTER = """<script>(async () => {{
  const result = await (async () => {{ {script} }})();
  parent.postMessage(JSON.stringify(result), "*");
}})();</script></body>"""


def run_in_page(page: str, script: str, width: int = 1000, dark: bool = False) -> tuple[Any, list[str]]:
    """What a script returns that runs in the page, and the lines of the console."""
    whole = page.replace("</body>", _AFTER.format(script=script))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(_FRAME.format(page=html.escape(whole), width=width), encoding="utf-8")
        flags = [*_FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={max(width, 500)},900"]
        flags += ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
        done = subprocess.run(
            [CHROMIUM, *flags, file.as_uri()], capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
        )
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), said
