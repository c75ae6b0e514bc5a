"""Draw every screen of the demo into build/pictures, and the pictures that README.md and docs/ show.

`python -m tests.pictures [--docs] [SCREEN…]`: only those of the docs, or only some screens.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from rich.console import Console

from bot.i18n import ENGLISH, available_languages
from tests.demo.visitor import Visitor, visit_demo
from tests.pictures.film import draw_film
from tests.pictures.screens import ADMIN, MEMBER, SCREENS, Screen
from tests.pictures.studio import SIZES, take_picture, take_pictures

ROOT = Path(__file__).parents[2]
_DOCS = ROOT / "docs"
_WIDTH, _HEIGHT = SIZES["desktop"]
_TALLEST = 960
"""Pixels of a picture in docs/; a digest would fill a page."""
_CONSOLE = Console(highlight=False)


async def _visit_screens(visitor: Visitor, person: str, wanted: list[Screen], gallery: Path | None) -> None:
    """Take pictures of the screens one after the other, as one person."""
    await visitor.become(person)
    channel = "news"
    for screen in wanted:
        await _reset_window(visitor)
        if screen.channel != channel:
            channel = screen.channel
            await visitor.show_channel(channel)
        await visitor.close_form()
        await screen.walk(visitor)
        if gallery:
            await take_pictures(visitor, screen, gallery)
        if person == ADMIN and (document := _find_document(screen, visitor.language)):
            await _reset_window(visitor)
            (_DOCS / f"demo-{document}.png").write_bytes(await take_picture(visitor, screen, _TALLEST))
        _CONSOLE.print(f"{visitor.language} {person}: {screen.name}")


async def _reset_window(visitor: Visitor) -> None:
    await visitor.page.resize(_WIDTH, _HEIGHT)
    await visitor.page.use_theme("dark")


def _find_document(screen: Screen, language: str) -> str:
    return screen.document if language == ENGLISH else screen.german


def _select_screens(wanted: list[Screen], language: str, person: str, gallery: Path | None) -> list[Screen]:
    """Return the screens to visit: without a gallery only those that the docs show, and those that they build on."""
    able = [screen for screen in wanted if person in screen.people]
    if gallery:
        return able
    if person != ADMIN:
        return []
    return [each for each in able if _find_document(each, language) or (each.needed and language == ENGLISH)]


async def _draw(wanted: list[Screen], gallery: Path | None) -> None:
    for language in available_languages():
        for person in (ADMIN, MEMBER):
            if screens := _select_screens(wanted, language, person, gallery):
                place = gallery / language / person.lower() if gallery else None
                if place:
                    place.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory() as profile:
                    async with visit_demo(Path(profile), language=language, width=_WIDTH, height=_HEIGHT) as visit:
                        await _visit_screens(visit.visitor, person, screens, place)
    if len(wanted) == len(SCREENS):
        await draw_film(_DOCS / "demo.webp")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="only the pictures of README.md and docs/")
    parser.add_argument("screens", nargs="*", metavar="SCREEN", help=", ".join(each.name for each in SCREENS))
    asked = parser.parse_args()
    wanted = [each for each in SCREENS if each.name in asked.screens or not asked.screens]
    asyncio.run(_draw(wanted, None if asked.docs else ROOT / "build" / "pictures"))


if __name__ == "__main__":
    main()
