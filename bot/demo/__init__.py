"""The demo: the real bot against an offline Discord, in a browser or as a story in the terminal."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from bot.errors import UserError
from bot.i18n import ENGLISH, available_languages

# Dependencies of the extra "demo", checked first to give an error message instead of a traceback.
_NEEDED = ("simcord", "markdown_it", "linkify_it", "PIL")


def run_browser(*, port: int | None = None, open_browser: bool = True, language: str = ENGLISH) -> None:
    """Serve the demo's page until Ctrl-C. Raises `UserError` if a dependency is missing."""
    _require_extra()
    if language not in available_languages():
        raise UserError(f"Newsdesk does not speak {language}. It speaks {', '.join(available_languages())}.")
    from bot.demo.browser import serve_demo

    asyncio.run(serve_demo(port=port, open_browser=open_browser, language=language))


def run_headless() -> int:
    """Play the story in the terminal. Return the exit code: 1 if a step did not show what it should."""
    _require_extra()
    from bot.demo.story import play_story

    return asyncio.run(play_story())


def _require_extra() -> None:
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise UserError(f'The demo needs more packages ({", ".join(missing)}): pip install "newsdesk[demo]"')
