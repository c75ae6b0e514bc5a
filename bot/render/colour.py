"""Topic colours, stable across processes and versions so that readers learn them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import discord

from bot.cards.text import normalize_name

# Medium lightness, to contrast with both Discord's dark and light theme.
PALETTE = (
    0xE5484D, 0xD6409F, 0xAB4ABA, 0x8E4EC6, 0x7A66D9, 0x5B6EE1, 0x3E82F6, 0x0A8FC7,
    0x12A594, 0x30A46C, 0x5EA03A, 0x8A9A1E, 0xC58A0B, 0xE07B1A, 0xD9582B, 0xA87C5A,
)  # fmt: skip
NEUTRAL = 0x8B8D98


def topic_colour(topics: Sequence[str]) -> discord.Colour:
    """Return the colour of the first topic, ignoring case; grey without topics."""
    first = next(filter(None, map(normalize_name, topics)), "")
    return discord.Colour(PALETTE[_stable_hash(first) % len(PALETTE)] if first else NEUTRAL)


def _stable_hash(name: str) -> int:
    """Hash the name; `hash` differs between processes."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()[0]
