"""Read a card that was posted as JSON: the fields of a card file's front matter. Pure; runs in a reader process."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from bot.cards.known_keys import LINKS
from bot.cards.model import CardState, ParseResult, Problem, is_scheduled
from bot.cards.parser import parse_card
from bot.cards.text import normalize_name, strip_unstorable
from bot.cards.urls import normalize_url, parse_link
from bot.domain.intake import IntakePolicy


@dataclass(frozen=True, slots=True)
class CardPost:
    """The body of a request, the source that its card belongs to, and the policy of the token it came with."""

    body: bytes
    source: str
    policy: IntakePolicy
    now: datetime


@dataclass(frozen=True, slots=True)
class PostedCard:
    """A card with its key in its source, or the problems that prevent it."""

    key: str
    result: ParseResult


@dataclass(frozen=True, slots=True)
class UnreadablePost:
    """A body that is no JSON object, or could not be read at all; `reason` is a sentence."""

    reason: str


def read_post(post: CardPost) -> PostedCard | UnreadablePost:
    """Read the card of a request, with the same parser and problems as a card file."""
    try:
        fields = json.loads(post.body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return UnreadablePost("The body is not UTF-8.")
    except json.JSONDecodeError as error:
        return UnreadablePost(f"The body is not JSON: {error.msg} (line {error.lineno}).")
    except (ValueError, RecursionError):
        return UnreadablePost("The body is not JSON: it is nested too deeply, or has a number that is too long.")
    if not isinstance(fields, dict):
        return UnreadablePost("The body has to be one JSON object with the fields of one card.")
    return _read_fields(fields, post)


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no value", "", 0)


def _read_fields(fields: dict[str, Any], post: CardPost) -> PostedCard:
    key = make_key(fields)
    fields.setdefault("category", "news")
    if post.policy is IntakePolicy.PUBLISHED and fields.get("published") is None and fields.get("heat") != -1:
        fields["published"] = True
    content = strip_unstorable(json.dumps(fields, ensure_ascii=False, separators=(",", ":"))).encode()
    result = parse_card(content, file=key, slug=make_slug(post.source, key), now=post.now)
    card = result.card
    if card and is_scheduled(card.published_at, post.now):
        # A file is read again at its time. A request comes once, and its body is not kept.
        problem = Problem(key, 1, "publishedDateTime", "more than 14 hours ahead: post the card when it is out")
        return PostedCard(key, replace(result, card=None, problems=(*result.problems, problem)))
    if card and post.policy is IntakePolicy.HELD and card.state is not CardState.WITHDRAWN:
        result = replace(result, card=replace(card, state=CardState.HELD, held_reason=None))
    return PostedCard(key, result)


def make_slug(source: str, key: str) -> str:
    """Return the identity of a posted card."""
    return f"http/{source}/{key}"


_TIDY = re.compile(r"[\w.~-]{1,100}", re.ASCII)


def make_key(fields: Mapping[str, Any]) -> str:
    """Return what identifies a card in its source: its `id` or `slug`, else its link, else its title and time."""
    for name in ("id", "slug"):
        value = fields.get(name)
        if isinstance(value, int | str) and not isinstance(value, bool) and (text := str(value).strip()):
            return text if _TIDY.fullmatch(text) else _hash_key("id", text)
    links = (parse_link(value) for name in LINKS if isinstance(value := fields.get(name), str))
    if link := next(filter(None, links), None):
        return _hash_key("link", normalize_url(link))
    return _hash_key("title", normalize_name(str(fields.get("title"))), str(fields.get("publishedDateTime")))


def _hash_key(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()
