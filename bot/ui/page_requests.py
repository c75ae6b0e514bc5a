"""What paginated lists show: stored with each list, so that its page buttons can query again after any restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from bot.domain.moderation import DecisionSource
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters


@dataclass(frozen=True, slots=True)
class LatestRequest:
    """The newest cards, `count` a page."""

    topic: str | None
    count: int
    every_card: bool = False
    """All cards of a story, not only the newest."""


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """The cards that a member saved."""


@dataclass(frozen=True, slots=True)
class CatchUpRequest:
    """What a member missed in this time."""

    since: datetime
    until: datetime


PageRequest = LatestRequest | CardQuery | SavedRequest | CatchUpRequest | QueueFilters | AuditFilter

_TYPES: Mapping[str, type[PageRequest]] = {
    "latest": LatestRequest,
    "search": CardQuery,
    "saved": SavedRequest,
    "catchup": CatchUpRequest,
    "queue": QueueFilters,
    "log": AuditFilter,
}
_KINDS = {request_type: kind for kind, request_type in _TYPES.items()}
_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "since": datetime.fromisoformat,
    "until": datetime.fromisoformat,
    "order": SearchOrder,
    "source": DecisionSource,
}
"""By field name, for what JSON has no type for."""


def dump_request(request: PageRequest) -> dict[str, Any]:
    """Convert a request to JSON values."""
    values = {each.name: getattr(request, each.name) for each in fields(request)}
    return {"kind": _KINDS[type(request)]} | {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def parse_request(stored: Mapping[str, Any]) -> PageRequest:
    """Parse a stored request. Raises `KeyError`, `TypeError` or `ValueError` for one that this version does not know.

    Fields that other versions left out or added take their defaults, or are ignored.
    """
    request_type = _TYPES[stored["kind"]]
    names = [each.name for each in fields(request_type) if each.name in stored]
    return request_type(**{name: _parse_value(name, stored[name]) for name in names})


def _parse_value(name: str, value: Any) -> Any:
    return _PARSERS[name](value) if name in _PARSERS and value is not None else value
