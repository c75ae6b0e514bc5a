from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.domain.fetch_result import FetchProblem, FetchRequest, FetchResult, FetchStatus
from bot.errors import UserError
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_lookup import complete_address
from bot.sources.feeds.lookup_service import MAX_LOOKUPS, LookupService
from tests.sources.feeds.documents import NOW


class SlowFetcher:
    """Answers nothing until it may."""

    def __init__(self) -> None:
        self.requests: list[FetchRequest] = []
        self.may_answer = asyncio.Event()

    async def fetch(self, request: FetchRequest, _now: object) -> FetchResult:
        self.requests.append(request)
        await self.may_answer.wait()
        return FetchResult(FetchStatus.FAILED, problem=FetchProblem.TIMEOUT)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        yield self


async def test_only_a_few_are_looked_up_at_a_time() -> None:
    fetcher = SlowFetcher()
    lookups = LookupService(fetcher.open, DocumentReader())
    running = [asyncio.create_task(lookups.find_feed(f"site{number}.example", NOW)) for number in range(MAX_LOOKUPS)]
    while len(fetcher.requests) < MAX_LOOKUPS:
        await asyncio.sleep(0)
    with pytest.raises(UserError, match="try again"):
        await lookups.find_feed("one-more.example", NOW)
    fetcher.may_answer.set()
    found = await asyncio.gather(*running)
    assert {each.check.problem for each in found} == {FetchProblem.TIMEOUT}
    assert (await lookups.find_feed("one-more.example", NOW)).check.feed is None
    assert fetcher.requests[-1].url == "https://one-more.example"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("example.org", "https://example.org"),
        (" example.org:8080/feed ", "https://example.org:8080/feed"),
        ("//example.org/feed", "https://example.org/feed"),
        ("feed://example.org/feed", "https://example.org/feed"),
        ("http://example.org", "http://example.org"),
        ("mailto:ada@example.org", "mailto:ada@example.org"),
    ],
)
def test_a_scheme_that_is_left_out_is_added(typed: str, address: str) -> None:
    assert complete_address(typed) == address
