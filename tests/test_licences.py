"""The page of licences says what the lock says and what is installed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.tools import load_tool

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/licences.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([\w.-]+) \| (\S+) \| (.+) \|$", PAGE, re.MULTILINE)[2:]


def test_the_page_lists_what_is_needed_in_the_locked_versions() -> None:
    licences = load_tool("licences")
    here, _ = licences.find_needed()
    locked = licences.read_lock()
    page = {name: version for name, version, _ in ROWS}
    elsewhere = {name for name, (_, marker) in locked.items() if marker}
    assert page == {name: locked[name][0] for name in page}
    assert here.keys() - page.keys() <= elsewhere, "run tools/licences.py"


def test_every_package_says_its_licence() -> None:
    assert len(ROWS) > 20
    assert not [name for name, _, licence in ROWS if licence in ("not said", "UNKNOWN", "")]
