"""The demo's own page in the language of its readers."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from string import Template

from bot.demo.feed_site import HOST
from bot.i18n import ENGLISH, current_language, override_language, tr, tr_command_name

_TEMPLATE = Path(__file__).parent / "index.html"


def render_page(language: str) -> str:
    """Return the page's HTML."""
    with override_language(language):
        template = Template(_TEMPLATE.read_text("utf-8"))
        hints = "".join(f"<dt>{_localize(name)}</dt><dd>{escape(text)}</dd>" for name, text in _hints().items())
        return template.substitute(
            {name: escape(text) for name, text in _texts().items()}, hints=hints, texts=json.dumps(_status_texts())
        )


def _hints() -> dict[str, str]:
    return {
        "/latest": tr("the newest cards"),
        "/search": tr("for “black hole”, or in a topic"),
        "/digest setup": tr("bring cards to a channel, step by step"),
        "/feed add": tr("follow a feed, such as {site}", site=HOST),
        "#desk": tr("held cards: publish one and see it in #news"),
        "/help": tr("everything else"),
    }


def _localize(command: str) -> str:
    """Return `/digest setup` in the current language; `#desk` stays."""
    words = command.removeprefix("/").split(" ")
    names = " ".join(tr_command_name(word, current_language()) for word in words)
    return f"/{names}" if command.startswith("/") else command


def _texts() -> dict[str, str]:
    return {
        "language": current_language(),
        "title": tr("Newsdesk demo"),
        "channels": tr("Channels"),
        "heading": tr("What to try"),
        "how": tr("Type into the message box below a channel, then choose from the list:"),
        "more": tr(
            "New cards come by themselves. Right-click a message for its menu. Under “Viewing as” you are the "
            "administrator or a plain member."
        ),
        "note": tr("The real bot, on a Discord of its own on this machine. Nothing leaves it."),
        "channel": tr("The open channel"),
        "ended": tr("The demo has ended. Start it again, then reload this page."),
    }


def _status_texts() -> dict[str, str]:
    return {
        "unread": tr("new"),
        "used": tr("used"),
        "edited": tr("edited"),
        "private": tr("Only you can see this"),
        "cancel": tr("Cancel"),
        # Discord's word in English is one of the bot's own, for something else.
        "submit": "Submit" if current_language() == ENGLISH else tr("Send"),
        "disclaimer": tr(
            "This form will be submitted to Newsdesk. Do not share passwords or other sensitive information."
        ),
        "thinking": tr("Newsdesk is thinking…"),
        "failed": tr("That didn’t work. Please try again."),
        "connection": tr("Connection lost. Trying again…"),
    }
