"""What the gateway side needs: shards, the time until all are there, memory."""

from __future__ import annotations

from math import ceil

from bot.client.sharding import IDENTIFY_INTERVAL

MOST_SERVERS = 2_500
"""Servers a shard at most, by Discord's documentation ("Gateway: Sharding")."""
SERVERS = 1_000
"""About as many as Discord recommends, in its answer to `GET /gateway/bot`."""
_EMPTY, _FULL, _FULL_SERVERS = 115, 197, 10_000
"""MB of resident memory with no server and with so many, as measured (`docs/performance.md`)."""


def shard_count(servers: int, of: int = SERVERS) -> int:
    return ceil(servers / of)


def start_seconds(count: int, max_concurrency: int) -> float:
    """Seconds until the last shard may identify: a bucket takes one at a time, and there are so many buckets."""
    return (ceil(count / max_concurrency) - 1) * IDENTIFY_INTERVAL.total_seconds()


def process_memory(servers: int, processes: int) -> float:
    """MB in each of so many gateway processes that divide the servers; extrapolated from what was measured."""
    return _EMPTY + (_FULL - _EMPTY) / _FULL_SERVERS * servers / processes
