"""The gate in front of Discord: shut for the whole bot while the way there is in trouble."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

_log = logging.getLogger(__name__)
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=1)
"""Between two probes; one request a minute is far from a ban, which takes 10,000 refusals in ten minutes."""
LONGEST_WISH = timedelta(hours=1)
"""A `Retry-After` is heeded up to this: Cloudflare's blocks last no longer."""
_ENOUGH = 3
"""Places in a row, without any success between them, whose trouble is taken for the whole bot's."""


class Admission(enum.Enum):
    """What a request is told that asks to go out."""

    FREE = "free"
    PROBE = "probe"
    """It may go, and decides how things are: how it ends has to be reported (`open`, `shut` or `doubt`)."""
    REFUSED = "refused"


class Gate:
    """Which requests may go to Discord: all, none for a while, or one that tries how things are (the probe).

    All requests of deliveries pass here (`bot.gateway.pacing` asks at the last moment before each), and all answers
    are reported here. A page of the network's edge, code 40333 or a 401 shut the gate at once; 5xx, timeouts and broken
    connections do when several places in a row had them (`doubt`). Each wait is twice as long as the one before, up to
    `LONGEST_WAIT`, or as long as `Retry-After` says. After it a single request is let through: Discord's own answer to
    it opens the gate. Nobody is told but the operator: one line in the log when it shuts, one when it opens.

    `reason` says in words why it is shut, `until` when the next probe may go (both empty while it is open).
    `is_authorized` is False after a 401, when no request of the bot goes out any more, not only deliveries'.
    `on_unauthorized`, when set, is called at each 401 (synchronously, inside a request; it must not raise): whoever
    runs the program ends it there. Without it the gate probes like after any trouble. A 401 to the very first request,
    the login, is not reported at all: discord.py raises `LoginFailure` for it.

    Times are by the clock that it is given; when that is set back, no wait begins anew from more than its length.
    """

    def __init__(self, clock: Callable[[], datetime], on_change: Callable[[bool], None] | None = None) -> None:
        """`on_change` is called with whether it is open now."""
        self._clock = clock
        self._on_change = on_change
        self._shut_at: datetime | None = None
        self._wait = timedelta(0)
        self._waits = 0
        self._probing = False
        self._suspects: set[tuple[str, bool]] = set()
        self._in_writing = False
        """Whether what shut it was a request that writes."""
        self._logged_in = False
        self.on_unauthorized: Callable[[], None] | None = None
        self.is_authorized = True
        self.reason = ""

    @property
    def is_open(self) -> bool:
        return self._shut_at is None

    @property
    def until(self) -> datetime | None:
        return None if self._shut_at is None else self._shut_at + self._wait

    def wait(self) -> timedelta:
        """How long nothing may be sent; zero when everything may, or a probe."""
        if self._shut_at is None:
            return timedelta(0)
        now = self._clock()
        self._shut_at = min(self._shut_at, now)  # a clock that was set back makes no wait longer
        return max(self._shut_at + self._wait - now, timedelta(0))

    @property
    def takes_probe(self) -> bool:
        """Whether it is shut, but one request may try."""
        return not self.is_open and not self._probing and not self.wait()

    def admit(self) -> Admission:
        """Ask for one request, right before it is sent."""
        if self.is_open:
            return Admission.FREE
        if not self.takes_probe:
            return Admission.REFUSED
        self._probing = True
        return Admission.PROBE

    def open(self, *, reading: bool = False) -> None:
        """Discord itself has answered, to a request that only reads or to one that writes.

        That reading works says nothing where writing was in trouble: the probe is still to come. After a 401 only the
        probe's answer counts, for other requests may have been under way.
        """
        self._logged_in = True
        self._suspects = {(place, read) for place, read in self._suspects if reading and not read}
        if reading and self._in_writing:
            self._probing = False
            return
        if self.is_open or not (self.is_authorized or self._probing):
            return
        self._in_writing = False
        self._shut_at, self._waits, self._probing, self.is_authorized = None, 0, False, True
        _log.warning("The way to Discord is open again")
        self.reason = ""
        if self._on_change:
            self._on_change(True)

    def shut(
        self, reason: str, wish: timedelta | None = None, *, unauthorized: bool = False, reading: bool = False
    ) -> None:
        """Let nothing through for a while. `wish` is Discord's own, when it named one."""
        if unauthorized and not self._logged_in:
            return
        was_open, probed = self.is_open, self._probing
        self._probing = False
        self._in_writing |= not reading
        if unauthorized:
            self.is_authorized = False
        if was_open or probed:  # not the other requests that were under way
            self._waits += 1
            self._wait = min(FIRST_WAIT * 2 ** min(self._waits - 1, 10), LONGEST_WAIT)
            self._shut_at = self._clock()
        self._wait = max(self._wait, min(wish or timedelta(0), LONGEST_WISH))
        self.reason = reason
        if was_open:
            _log.error("The way to Discord is in trouble, nothing is sent for now: %s", reason)
            if self._on_change:
                self._on_change(False)
        if unauthorized and self.on_unauthorized:
            self.on_unauthorized()

    def doubt(self, place: str, reason: str, *, reading: bool = False) -> None:
        """A request got no answer, or a 5xx. One place alone may have a trouble of its own; a probe has not."""
        self._suspects.add((place, reading))
        if self._probing or len(self._suspects) >= _ENOUGH:
            self.shut(reason, reading=reading)
