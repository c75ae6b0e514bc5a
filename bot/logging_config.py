"""Logging: readable lines on a terminal, JSON Lines elsewhere.

Logs never contain tokens or text that a member wrote. Other libraries log whole requests at DEBUG, so only Newsdesk's
own loggers go below INFO; secrets quoted in errors are redacted from the formatted line.
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
_REDACTED = "[…]"
_SHORTEST_TEXT = 4
"""Minimum length in characters of redacted text: anything shorter would garble the message and identifies nobody."""
_ANSWER_TOKEN = re.compile(r"(?<=/)((?:interactions|webhooks)/\d+/)[\w.~-]{20,}")
"""Interaction tokens are part of URLs; anyone who has one can reply to the interaction for 15 minutes."""

_interaction: ContextVar[int | None] = ContextVar("interaction", default=None)
_delivery: ContextVar[int | None] = ContextVar("delivery", default=None)
_texts: ContextVar[tuple[str, ...]] = ContextVar("texts", default=())


class LogFormat(StrEnum):
    """Log format; `auto` means human on a terminal and JSON elsewhere."""

    AUTO = "auto"
    HUMAN = "human"
    JSON = "json"


def bind_interaction(number: int, texts: Iterable[str] = ()) -> None:
    """Tag this task's log records with the interaction's id, and redact the `texts` that its member typed."""
    _interaction.set(number)
    # The longest first: a text may contain another one, which would leave the rest of it readable.
    _texts.set(tuple(sorted({text for text in texts if len(text) >= _SHORTEST_TEXT}, key=len, reverse=True)))


def bind_delivery(number: int) -> None:
    """Tag this task's log records with the delivery's id."""
    _delivery.set(number)


def configure_logging(level: str, form: LogFormat, console: Console, secrets: Iterable[str] = ()) -> None:
    """Configure logging to `console`, with `secrets` redacted."""
    handler = _build_handler(form, console, tuple(secrets))
    handler.addFilter(ContextFilter())
    number = logging.getLevelNamesMapping()[level]
    # Other libraries log whole requests at DEBUG, with what members wrote.
    logging.basicConfig(level=max(logging.INFO, number), handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, number))


def _build_handler(form: LogFormat, console: Console, secrets: tuple[str, ...]) -> logging.Handler:
    handler: logging.Handler
    if form is LogFormat.JSON or (form is LogFormat.AUTO and not console.is_terminal):
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(JsonFormatter(secrets))
    # Rich adds time and level itself.
    elif console.is_terminal:
        handler = RichHandler(console=console, show_path=False)
        handler.setFormatter(RedactingFormatter("%(message)s%(belonging)s", secrets))
    else:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(
            RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s%(belonging)s", secrets)
        )
    return handler


class ContextFilter(logging.Filter):
    """Add the interaction and delivery ids to each record; never drops one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.interaction = _interaction.get()
        record.delivery = _delivery.get()
        record.texts = _texts.get()
        belonging = [f"{kind} {number}" for kind, number in _context_ids(record).items()]
        record.belonging = f" [{', '.join(belonging)}]" if belonging else ""
        return True


def _context_ids(record: logging.LogRecord) -> dict[str, int]:
    result = {kind: getattr(record, kind, None) for kind in ("interaction", "delivery")}
    return {kind: number for kind, number in result.items() if number is not None}


class RedactingFormatter(logging.Formatter):
    """Human-readable formatter that redacts secrets."""

    def __init__(self, form: str, secrets: tuple[str, ...]) -> None:
        super().__init__(form, defaults={"belonging": ""})
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self.redact_text(super().format(record), record)

    def redact_text(self, text: str, record: logging.LogRecord) -> str:
        """Redact tokens, and text typed by the member of this interaction."""
        for secret in (*self._secrets, *getattr(record, "texts", ())):
            text = text.replace(secret, _REDACTED)
            # A traceback shows values as `repr` has them, with their escapes.
            text = text.replace(repr(secret)[1:-1], _REDACTED)
        return _ANSWER_TOKEN.sub(rf"\1{_REDACTED}", text)


class JsonFormatter(RedactingFormatter):
    """JSON Lines formatter with the keys `time` (UTC), `level`, `logger`, `message`, and, if known, `exception`,
    `interaction` and `delivery`.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(message)s", secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.redact_text(record.getMessage(), record),
            **_context_ids(record),
        }
        if record.exc_info:
            line["exception"] = self.redact_text(self.formatException(record.exc_info), record)
        return json.dumps(line, ensure_ascii=False)
