"""The endpoint: `POST /cards`."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.cards.parser import MAX_FILE_BYTES
from bot.domain.intake import IntakeToken
from bot.errors import StoreError
from bot.intake.rate_limit import RateLimit
from bot.metrics import Metrics
from bot.sources.http_intake import HttpIntake, InvalidCardError, KeyReusedError, UnreadablePostError
from bot.store import Store

_log = logging.getLogger(__name__)
BODY_SECONDS = 15.0
"""Timeout in seconds for a whole body."""
PER_MINUTE, BURST = 120, 60
"""Requests of one token: on average, and at once."""
_BUSY_SECONDS = 30
"""Seconds after which to try again what failed here."""
_BEARER = re.compile(r"Bearer +([\x21-\x7e]{1,200})", re.ASCII | re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)


class _AnswerError(Exception):
    """Ends a request with this answer."""

    def __init__(self, status: HTTPStatus, error: str, **headers: str) -> None:
        super().__init__(error)
        self.response = _error_response(status, error, **headers)


def _error_response(status: HTTPStatus, error: str, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": error}, status=status, headers=named)


class CardEndpoint:
    """Takes cards over HTTP. `on_accepted` is called after a card was stored.

    Only the leader takes cards, since it plans what follows from them; others answer 503.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        is_leader: Callable[[], bool],
        on_accepted: Callable[[], None],
        metrics: Metrics,
        body_seconds: float = BODY_SECONDS,
        limit: RateLimit | None = None,
    ) -> None:
        self._intake = HttpIntake(store)
        self._clock = clock
        self._is_leader = is_leader
        self._on_accepted = on_accepted
        self._metrics = metrics
        self._body_seconds = body_seconds
        self._limit = limit or RateLimit(PER_MINUTE / 60, BURST)

    def build_application(self) -> web.Application:
        application = web.Application(middlewares=[self._count_answers, self._answer_errors])
        application.router.add_post("/cards", self.handle_post)
        return application

    async def close(self) -> None:
        await self._intake.close()

    @web.middleware
    async def _count_answers(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        self._metrics.count_intake_request(response.status)
        return response

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer every failure as JSON. What is logged quotes nothing of the request."""
        try:
            return await handler(request)
        except _AnswerError as answer:
            return answer.response
        except web.HTTPException as error:
            headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return _error_response(HTTPStatus(error.status), "There is POST /cards here, and nothing else.", **headers)
        except StoreError as error:
            _log.warning("A posted card could not be stored: %s", type(error).__name__)
            sentence = "The card could not be stored. Try again later."
            return _error_response(HTTPStatus.SERVICE_UNAVAILABLE, sentence, Retry_After=str(_BUSY_SECONDS))
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the text of a database's error holds the card
            _log.error("A posted card could not be handled: %s", type(error).__name__)
            return _error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "The card could not be handled.")

    async def handle_post(self, request: web.Request) -> web.Response:
        if not self._is_leader():
            sentence = "Another process takes the cards at the moment. Try again there, or here later."
            raise _AnswerError(HTTPStatus.SERVICE_UNAVAILABLE, sentence, Retry_After=str(_BUSY_SECONDS))
        token = await self._authenticate(request)
        self._check_rate(token)
        _check_content_type(request)
        key = _idempotency_key(request)
        answer = await self._accept_card(token, await self._read_body(request), key)
        self._on_accepted()
        _log.info("Card %s came over HTTP", answer["id"])
        return web.json_response(answer, status=HTTPStatus.ACCEPTED)

    async def _authenticate(self, request: web.Request) -> IntakeToken:
        given = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        token = await self._intake.authenticate(given[1], self._clock()) if given else None
        if token is None:
            sentence = "Send a token of `newsdesk token create` as `Authorization: Bearer …`."
            raise _AnswerError(HTTPStatus.UNAUTHORIZED, sentence, WWW_Authenticate="Bearer")
        return token

    def _check_rate(self, token: IntakeToken) -> None:
        if wait := self._limit.take(token.id, asyncio.get_running_loop().time()):
            sentence = f"At most {PER_MINUTE} cards a minute."
            raise _AnswerError(HTTPStatus.TOO_MANY_REQUESTS, sentence, Retry_After=str(wait))

    async def _read_body(self, request: web.Request) -> bytes:
        """Read the body up to the size of a card file, and no byte of one that is declared larger."""
        too_large = _AnswerError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A card has at most {MAX_FILE_BYTES:,} bytes.")
        if (request.content_length or 0) > MAX_FILE_BYTES:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > MAX_FILE_BYTES:
                        raise too_large
        except TimeoutError:
            raise _AnswerError(HTTPStatus.REQUEST_TIMEOUT, "The body took too long.", Connection="close") from None
        except web.RequestPayloadError:
            raise _AnswerError(HTTPStatus.BAD_REQUEST, "The body is not whole.", Connection="close") from None
        return bytes(body)

    async def _accept_card(self, token: IntakeToken, body: bytes, key: str | None) -> Mapping[str, Any]:
        try:
            return await self._intake.accept_card(token, body, key, self._clock)
        except UnreadablePostError as error:
            raise _AnswerError(HTTPStatus.BAD_REQUEST, str(error)) from None
        except KeyReusedError as error:
            raise _AnswerError(HTTPStatus.CONFLICT, str(error)) from None
        except InvalidCardError as error:
            answer = _AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            problems = [{"field": each.field, "problem": each.problem} for each in error.problems]
            answer.response = web.json_response(
                {"error": str(error), "problems": problems}, status=HTTPStatus.UNPROCESSABLE_ENTITY
            )
            raise answer from None


def _check_content_type(request: web.Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if request.content_type != "application/json" or encoding != "identity":
        sentence = "Send the card as `Content-Type: application/json`, not compressed."
        raise _AnswerError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sentence)


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise _AnswerError(HTTPStatus.BAD_REQUEST, "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key
