"""Gateway sessions: what outlives a websocket, so that a client can resume and receive what it missed."""

import json
import math
import secrets
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tests.wire.entities import Guild
from tests.wire.errors import Json
from tests.wire.payloads import guild_create
from tests.wire.settings import WireSettings
from tests.wire.state import WireWorld

GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
_VERSION = 10


class FrameSender(Protocol):
    """A live connection: something that takes one frame's text and sends it in order."""

    def send_text(self, text: str) -> None: ...


class Session:
    """One identified shard. Events are kept as the text after the sequence number, which differs by
    session.
    """

    def __init__(self, shard: tuple[int, int], intents: int, kept: int) -> None:
        self.id = secrets.token_hex(16)
        self.shard = shard
        self.intents = intents
        self.sequence = 0
        self.line: FrameSender | None = None
        self._kept: deque[tuple[int, str]] = deque(maxlen=kept)

    def can_see(self, guild: Guild | None) -> bool:
        number, count = self.shard
        return number == 0 if guild is None else (guild.id >> 22) % count == number

    def dispatch_event(self, event: str, data: str) -> None:
        """Sends an event now if the line is up; keeps it in any case."""
        self.sequence += 1
        text = f'{{"op":0,"s":{self.sequence},"t":"{event}","d":{data}}}'
        self._kept.append((self.sequence, text))
        if self.line is not None:
            self.line.send_text(text)

    def replay_events(self, after: int) -> bool:
        """Sends again what came after that sequence number; ``False`` if some of it is no longer kept."""
        if self.line is None or after > self.sequence:
            return False
        oldest = self._kept[0][0] if self._kept else self.sequence + 1
        if after + 1 < oldest:
            return False
        for number, text in self._kept:
            if number > after:
                self.line.send_text(text)
        return True


class Sessions:
    """All sessions, and the one place from which events go out."""

    def __init__(self, world: WireWorld, settings: WireSettings) -> None:
        self._world = world
        self._settings = settings
        self._by_id: dict[str, Session] = {}
        self.identified = 0
        self.refused = 0
        """Identifies that came too soon after another one of their bucket."""
        self._last: dict[int, float] = {}
        self.resumed = 0
        self.resume_url = ""

    def get_session(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id)

    def invalidate_session(self, session: Session) -> None:
        self._by_id.pop(session.id, None)

    def list_sessions(self) -> list[Session]:
        return list(self._by_id.values())

    def is_too_soon(self, shard: int, at: float) -> bool:
        """Whether another shard of its bucket has identified just now. `at` is the loop's time in seconds."""
        bucket = shard % self._settings.max_concurrency
        too_soon = at - self._last.get(bucket, -math.inf) < self._settings.identify_window
        self.refused += too_soon
        if not too_soon:
            self._last[bucket] = at
        return too_soon

    def identify_shard(self, harness: FrameSender, shard: tuple[int, int], intents: int) -> Session:
        """Opens a session: READY with the guilds unavailable, then each of them as GUILD_CREATE."""
        # A killed bot leaves its session behind; nobody resumes it once its shard identifies again.
        for old in [each for each in self.list_sessions() if each.shard == shard and each.line is None]:
            self.invalidate_session(old)
        session = Session(shard, intents, self._settings.resume_buffer)
        session.line = harness
        self._by_id[session.id] = session
        self.identified += 1
        guilds = [each for each in self._world.guilds.values() if not each.left and session.can_see(each)]
        session.dispatch_event("READY", json.dumps(self._ready_payload(session, guilds)))
        for guild in guilds:
            session.dispatch_event("GUILD_CREATE", json.dumps(guild_create(self._world, guild)))
        return session

    def _ready_payload(self, session: Session, guilds: list[Guild]) -> Json:
        return {
            "v": _VERSION,
            "user": self._world.bot.payload | {"verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.resume_url,
            "shard": list(session.shard),
            "application": {"id": str(self._world.application_id), "flags": 1 << 23},
            "private_channels": [],
            "presences": [],
            "_trace": [],
        }

    def dispatch_event(
        self,
        event: str,
        guild: Guild | None,
        intent: int,
        payload: Callable[[], Json] | Json,
        *,
        without: int = 0,
    ) -> int:
        """Sends an event to each session of the guild's shard that subscribed to it; says to how many.

        ``without`` leaves out those that have any of these intents. The payload may be a function: it is
        called only if somebody listens.
        """
        listening = [
            each
            for each in self._by_id.values()
            if each.can_see(guild) and each.intents & intent == intent and not each.intents & without
        ]
        if listening:
            data = json.dumps(payload() if callable(payload) else payload, separators=(",", ":"))
            for session in listening:
                session.dispatch_event(event, data)
        return len(listening)
