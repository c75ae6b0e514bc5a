"""What the program writes down while it runs: lines for people on a terminal, one JSON object a line elsewhere.

No line holds a token or what a member wrote. Other libraries log whole requests at DEBUG, so only Newsdesk's own
loggers go below INFO; what a failure quotes is blotted out of the finished line.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum

from rich.console import Console
from rich.logging import RichHandler

_OURS = ("bot", "cogs")
_CHATTY = ("apscheduler", "watchfiles", "alembic", "discord.gateway", "discord.client")
_BLOT = "[…]"
_SHORTEST_TEXT = 4
"""Characters; blotting out less would eat the words of the line itself and tell nothing about anybody."""
_ANSWER_TOKEN = re.compile(r"(?<=/)((?:interactions|webhooks)/\d+/)[\w.~-]{20,}")
"""Whoever has an interaction's token can answer in its place for 15 minutes; it is part of addresses."""

_interaction: ContextVar[int | None] = ContextVar("interaction", default=None)
_delivery: ContextVar[int | None] = ContextVar("delivery", default=None)
_texts: ContextVar[tuple[str, ...]] = ContextVar("texts", default=())


class LogFormat(StrEnum):
    """How lines are written; `auto` looks at where they go."""

    AUTO = "auto"
    HUMAN = "human"
    JSON = "json"


def belongs_to_interaction(number: int, texts: Iterable[str] = ()) -> None:
    """From here on the lines of this task carry the interaction's id, and none of the `texts` its member typed."""
    _interaction.set(number)
    _texts.set(tuple(sorted({text for text in texts if len(text) >= _SHORTEST_TEXT}, key=len, reverse=True)))


def belongs_to_delivery(number: int) -> None:
    """From here on the lines of this task carry the delivery's id."""
    _delivery.set(number)


def write_logs(level: str, form: LogFormat, console: Console, secrets: Iterable[str] = ()) -> None:
    """Send all logging to `console` from now on. `secrets` are blotted out wherever they turn up."""
    handler = _handler(form, console, tuple(secrets))
    handler.addFilter(Belonging())
    number = logging.getLevelNamesMapping()[level]
    logging.basicConfig(level=max(logging.INFO, number), handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, number))


def _handler(form: LogFormat, console: Console, secrets: tuple[str, ...]) -> logging.Handler:
    handler: logging.Handler
    if form is LogFormat.JSON or (form is LogFormat.AUTO and not console.is_terminal):
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(JsonLines(secrets))
    elif console.is_terminal:
        handler = RichHandler(console=console, show_path=False)
        handler.setFormatter(Lines("%(message)s%(belonging)s", secrets))
    else:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s: %(message)s%(belonging)s", secrets))
    return handler


class Belonging(logging.Filter):
    """Notes on each record what it belongs to; lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.interaction = _interaction.get()
        record.delivery = _delivery.get()
        record.texts = _texts.get()
        belonging = [f"{kind} {number}" for kind, number in _belonging(record).items()]
        record.belonging = f" [{', '.join(belonging)}]" if belonging else ""
        return True


def _belonging(record: logging.LogRecord) -> dict[str, int]:
    found = {kind: getattr(record, kind, None) for kind in ("interaction", "delivery")}
    return {kind: number for kind, number in found.items() if number is not None}


class Lines(logging.Formatter):
    """Lines for people, with the secrets blotted out."""

    def __init__(self, form: str, secrets: tuple[str, ...]) -> None:
        super().__init__(form, defaults={"belonging": ""})
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self.blotted(super().format(record), record)

    def blotted(self, text: str, record: logging.LogRecord) -> str:
        """The text without tokens and without what the member of this interaction typed."""
        for secret in (*self._secrets, *getattr(record, "texts", ())):
            text = text.replace(secret, _BLOT)
            text = text.replace(repr(secret)[1:-1], _BLOT)
        return _ANSWER_TOKEN.sub(rf"\1{_BLOT}", text)


class JsonLines(Lines):
    """One object a line: `time` (UTC), `level`, `logger`, `message`, and where they are known `exception`,
    `interaction` and `delivery`.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(message)s", secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.blotted(record.getMessage(), record),
            **_belonging(record),
        }
        if record.exc_info:
            line["exception"] = self.blotted(self.formatException(record.exc_info), record)
        return json.dumps(line, ensure_ascii=False)
