"""Tokens with which other programs post cards over HTTP."""

from __future__ import annotations

import enum
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

_PREFIX = "newsdesk_"
"""Lets people and secret scanners recognize a token that lies where it should not."""
_SECRET_BYTES = 32


class IntakePolicy(enum.StrEnum):
    """What becomes of the cards that are posted with a token."""

    PUBLISHED = "published"
    """A card is published unless it says otherwise."""
    HELD = "held"
    """Every card is held for the moderators, whatever it says."""


@dataclass(frozen=True, slots=True)
class IntakeToken:
    """A stored token, without the token itself. `source` is the key of the source that its cards belong to.

    `guild_id` is the server that they are for, None for all servers.
    """

    id: int
    name: str
    source_id: int
    source: str
    policy: IntakePolicy
    created_at: datetime
    last_used_at: datetime | None = None
    guild_id: int | None = None


def generate_token() -> str:
    """Return a new token with 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def hash_token(token: str) -> str:
    """Return the digest under which a token is stored.

    A plain SHA-256: slow, salted hashes protect passwords, which can be guessed, and 256 random bits cannot.
    """
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
