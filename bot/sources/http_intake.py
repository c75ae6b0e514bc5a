"""Cards that other programs post: read like card files, and stored before they are answered."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.cards.model import ParseResult, Problem, SourceItem
from bot.domain.intake import IntakeToken, hash_token
from bot.errors import UserError
from bot.sources.isolated_reader import IsolatedReader, ReadFailure
from bot.sources.loader import with_appearance_time
from bot.sources.parallel_reader import run_in_background
from bot.sources.posted_card import CardPost, PostedCard, UnreadablePost, make_slug, read_post
from bot.store import Store
from bot.store.cards.import_batch import SourceBatch
from bot.store.intake import StoredAnswer

_USE_RECORDED = timedelta(minutes=1)
"""Precision of `last_used_at`; a write for every request would tell nobody more."""


class UnreadablePostError(UserError):
    """The body is not one JSON object."""


class InvalidCardError(UserError):
    """The fields make no card; `problems` are those that `newsdesk check` would name."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("The fields make no card.")
        self.problems = problems


class KeyReusedError(UserError):
    """An `Idempotency-Key` came again with another body."""


def _blame_post(_post: CardPost, failure: ReadFailure, _code: int) -> UnreadablePost:
    return UnreadablePost(f"The body cannot be read: {failure.value}.")


class HttpIntake:
    """Stores posted cards.

    Bodies are read in a process of their own, which starts with the first: what is in them comes from strangers.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader: IsolatedReader[CardPost, PostedCard | UnreadablePost] = IsolatedReader(read_post, _blame_post)
        self._lock = asyncio.Lock()

    async def authenticate(self, token: str, now: datetime) -> IntakeToken | None:
        """Return what is stored of a token, and record its use; None if it is unknown or revoked."""
        found = await self._store.intake.find_token(hash_token(token))
        if found and (found.last_used_at is None or now - found.last_used_at > _USE_RECORDED):
            await self._store.intake.mark_used(found.id, now)
        return found

    async def accept_card(
        self, token: IntakeToken, body: bytes, idempotency_key: str | None, clock: Callable[[], datetime]
    ) -> Mapping[str, Any]:
        """Store a card and return the answer: its id, its slug, and the notes on it. It is committed by then.

        A request that comes again with its key gets the answer of the first. Raises `UserError`.
        """
        now, digest = clock(), hashlib.sha256(body).hexdigest()
        posted = await self._read(CardPost(body, token.source, token.policy, now))
        # One at a time, so that two requests with one key make one answer. The store writes one after another anyway.
        async with self._lock:
            if answer := await self._find_answer(token, idempotency_key, digest, now):
                return answer
            answer = await self._store_card(token, posted, digest, clock)
            # A crash before this line repeats the import when the request comes again, which then changes nothing.
            if idempotency_key is not None:
                await self._store.intake.store_answer(token.id, idempotency_key, StoredAnswer(digest, answer), now)
        return answer

    async def _read(self, post: CardPost) -> PostedCard:
        stop = threading.Event()
        try:
            (posted,) = await run_in_background(self._reader.read, [post], stop)
        except asyncio.CancelledError:
            self._reader.abort_read(stop)
            raise
        if isinstance(posted, UnreadablePost):
            raise UnreadablePostError(posted.reason)
        if posted.result.card is None:
            raise InvalidCardError(posted.result.problems)
        return posted

    async def _find_answer(
        self, token: IntakeToken, idempotency_key: str | None, digest: str, now: datetime
    ) -> Mapping[str, Any] | None:
        if idempotency_key is None:
            return None
        stored = await self._store.intake.find_answer(token.id, idempotency_key, now)
        if stored and stored.body_digest != digest:
            raise KeyReusedError("This Idempotency-Key came with another body. Use a new key for a new request.")
        return stored.answer if stored else None

    async def _store_card(
        self, token: IntakeToken, posted: PostedCard, digest: str, clock: Callable[[], datetime]
    ) -> dict[str, Any]:
        result: ParseResult = with_appearance_time(posted.result, clock())
        part = SourceBatch(token.source_id, [(SourceItem(posted.key, digest), result)])
        stored = await self._store.cards.importer.import_batches([part], clock)
        if stored.refused:
            raise InvalidCardError(stored.refused)
        card_id = await self._store.intake.find_card(token.source_id, posted.key)
        notes = [{"field": each.field, "problem": each.problem} for each in posted.result.problems]
        return {"id": card_id, "slug": make_slug(token.source, posted.key), "notes": notes}

    async def close(self) -> None:
        """Stop the reader process."""
        await run_in_background(self._reader.close)
