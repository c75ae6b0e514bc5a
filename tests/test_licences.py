"""The page of licences says what the lock says and what is installed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/licences.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([\w.-]+) \| (\S+) \| (.+) \|$", PAGE, re.MULTILINE)[2:]


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "tools/licences.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_lists_what_is_needed_in_the_locked_versions() -> None:
    tool = _tool()
    here, _ = tool.needed()
    locked = tool.locked()
    page = {name: version for name, version, _ in ROWS}
    elsewhere = {name for name, (_, marker) in locked.items() if marker}
    assert page == {name: locked[name][0] for name in page}
    assert here.keys() - page.keys() <= elsewhere, "run tools/licences.py"


def test_every_package_says_its_licence() -> None:
    assert len(ROWS) > 20
    assert not [name for name, _, licence in ROWS if licence in ("not said", "UNKNOWN", "")]
