"""What page buttons query again is stored as it always was, and what cannot be read is too old."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.moderation import DecisionSource
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from bot.ui.page_requests import (
    CatchUpRequest,
    LatestRequest,
    PageRequest,
    SavedRequest,
    dump_request,
    parse_request,
)
from tests.support.stage import button_ids, open_stage
from tests.support.stores import query_database

MONDAY, TUESDAY = datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
STORED: list[tuple[PageRequest, dict[str, Any]]] = [
    (LatestRequest("Python", 5), {"kind": "latest", "topic": "Python", "count": 5, "every_card": False}),
    (
        CardQuery("größe \ud800", None, "NASA", MONDAY, SearchOrder.BEST, "video", TUESDAY),
        {
            "kind": "search",
            "words": "größe \ud800",
            "topic": None,
            "provider": "NASA",
            "since": "2026-06-01T12:00:00+00:00",
            "order": "best",
            "type": "video",
            "until": "2026-06-02T00:00:00+00:00",
            "every_card": False,
        },
    ),
    (SavedRequest(), {"kind": "saved"}),
    (
        CatchUpRequest(MONDAY, TUESDAY),
        {"kind": "catchup", "since": "2026-06-01T12:00:00+00:00", "until": "2026-06-02T00:00:00+00:00"},
    ),
    (
        QueueFilters(None, "NASA", 50, MONDAY),
        {
            "kind": "queue",
            "topic": None,
            "provider": "NASA",
            "min_quality": 50,
            "since": "2026-06-01T12:00:00+00:00",
            "is_backlog": False,
        },
    ),
    (
        AuditFilter(3, None, "publish", DecisionSource.BUTTON),
        {"kind": "log", "card_id": 3, "actor_id": None, "after": "publish", "source": "button"},
    ),
]


@pytest.mark.parametrize(("request_", "stored"), STORED)
def test_a_request_is_stored_as_json_and_read_back(request_: PageRequest, stored: dict[str, Any]) -> None:
    assert json.loads(json.dumps(dump_request(request_))) == stored
    assert parse_request(stored) == request_


def test_fields_of_other_versions_are_left_out() -> None:
    older = {"kind": "search", "words": "comet", "topic": None, "provider": None, "since": None, "order": "newest"}
    assert parse_request(older) == parse_request(older | {"colour": "red"}) == CardQuery("comet")


@pytest.mark.parametrize(
    "stored", [{}, {"kind": "horoscope"}, {"kind": "latest"}, {"kind": "search", "order": "oldest"},
               {"kind": "catchup", "since": 5, "until": None}]
)  # fmt: skip
async def test_a_list_that_cannot_be_read_is_too_old(tmp_path: Path, stored: dict[str, Any]) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards(*(f"card{number}" for number in range(7)))
        first = await stage.member.slash(stage.news, "latest")
        await stage.bot.store.list_requests.wait_for_writes()
        query_database(stage.settings.database_url, f"UPDATE list_requests SET request = '{json.dumps(stored)}'")
        assert "More →" in button_ids(first.response)
        turned = await stage.member.click(first.response, label="More →")
        assert "has expired" in turned.followups[-1].content
