"""The pictures of README.md and docs/ are those that `make pictures` draws."""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image

from tests.pictures.screens import SCREENS
from tests.pictures.studio import shrink

ROOT = Path(__file__).parents[2]
LARGEST = {".png": 120_000, ".webp": 1_500_000}


def _shown_pictures() -> set[str]:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    return {name for page in pages for name in re.findall(r"!\[[^]]*\]\((?:docs/)?([^)]+)\)", page.read_text("utf-8"))}


def test_every_picture_of_the_docs_is_drawn_and_every_drawn_one_is_shown() -> None:
    documents = {name for screen in SCREENS for name in (screen.document, screen.german) if name}
    assert _shown_pictures() == {f"demo-{name}.png" for name in documents} | {"demo.webp"}


def test_the_pictures_are_there_and_small() -> None:
    for name in _shown_pictures():
        path = ROOT / "docs" / name
        assert path.stat().st_size <= LARGEST[path.suffix], name


def test_screens_have_names_of_their_own() -> None:
    names = [screen.name for screen in SCREENS]
    assert len(set(names)) == len(names)


def test_a_picture_in_a_palette_keeps_its_size_and_colours() -> None:
    image = Image.new("RGB", (40, 30), (49, 51, 56))
    image.paste((88, 101, 242), (0, 0, 10, 10))
    png = io.BytesIO()
    image.save(png, "PNG")
    with Image.open(io.BytesIO(shrink(png.getvalue()))) as smaller:
        assert smaller.mode == "P"
        assert smaller.convert("RGB").tobytes() == image.tobytes()
