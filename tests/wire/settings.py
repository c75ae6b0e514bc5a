"""What a test may set about this Discord as a whole."""

from dataclasses import dataclass, field, fields
from typing import Any

from tests.wire.errors import ControlError, Json


def _default_buckets() -> dict[str, tuple[int, float]]:
    return {
        "create": (5, 5.0),
        "edit": (5, 5.0),
        "delete": (5, 5.0),
        "thread": (5, 5.0),
        "webhook": (5, 2.0),
        "other": (50, 1.0),
        "crosspost": (10, 3600.0),
        "crosspost_edit": (3, 3600.0),
    }


@dataclass(slots=True)
class WireSettings:
    """Numbers are Discord's own where they are known; times are seconds unless a name says otherwise."""

    token: str | None = None
    """The only token taken; ``None`` takes any."""
    application_flags: int = 1 << 23
    """Of the application; this one says that it has commands."""
    limits: bool = True
    global_limit: int = 50
    global_window: str = "sliding"
    """``sliding``, the strictest reading of "50 a second", or ``fixed`` seconds counted from the first
    request.
    """
    buckets: dict[str, tuple[int, float]] = field(default_factory=_default_buckets)
    """Requests and seconds for each kind of route, counted by channel (webhooks by token, others by
    guild). ``crosspost`` (by channel) and ``crosspost_edit`` (edits of a crossposted message, by message) roll
    on: each frees its place so many seconds after it was taken.
    """
    crosspost_in_headers: bool = False
    """Whether the ``X-RateLimit`` headers of a crosspost tell of its hour. Discord was seen to name the wait only
    in the body of its 429; with ``True`` it is an ordinary bucket, which discord.py heeds before it asks.
    """
    invalid_limit: int = 10_000
    """Answers of 401, 403 and 429 in ten minutes before Cloudflare shuts the address out."""
    nonce_window: float = 180.0
    """Discord says "a few minutes"."""
    acknowledge_within: float = 3.0
    interaction_token_lives: float = 900.0
    heartbeat_interval_ms: int = 41_250
    shards: int = 1
    max_concurrency: int = 1
    """Buckets of shards that may identify beside each other, by their ids."""
    identify_window: float = 0.0
    """Of a bucket one identify is taken in so long (Discord: 5); the next one's session is invalid. 0 takes all."""
    resume_buffer: int = 10_000
    """Events kept for a session that resumes; what is older makes it invalid."""
    gateway_down: bool = False
    """New gateway connections are answered with 503."""
    seed: int = 0
    """Of the random numbers behind faults with a probability."""

    def bucket_for(self, kind: str) -> str:
        """The bucket that the headers of that kind of route speak of."""
        return "other" if kind == "crosspost" and not self.crosspost_in_headers else kind

    def apply_changes(self, changes: Json) -> None:
        """Sets what ``changes`` names; ``buckets`` is merged, so that one can be set without the others."""
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ControlError(f"no such setting: {name}")
            setattr(self, name, self._merge_buckets(value) if name == "buckets" else value)

    def _merge_buckets(self, changes: dict[str, Any]) -> dict[str, tuple[int, float]]:
        unknown = changes.keys() - self.buckets.keys()
        if unknown:
            raise ControlError(f"no such bucket: {', '.join(sorted(unknown))}")
        return self.buckets | {name: (int(pair[0]), float(pair[1])) for name, pair in changes.items()}
