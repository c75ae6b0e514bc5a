"""Circuit breaker for delivery requests, shut while Discord or the connection to it fails."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

_log = logging.getLogger(__name__)
MIN_WAIT = timedelta(seconds=2)
MAX_WAIT = timedelta(minutes=1)
"""Longest time between probes; one request a minute is far from a ban (10,000 invalid requests in ten minutes)."""
MAX_RETRY_AFTER = timedelta(hours=1)
"""Upper limit for `Retry-After`: Cloudflare's blocks last no longer."""
_ENOUGH = 3
"""Number of places failing in a row, without any success in between, that shuts the gate."""


class Admission(enum.Enum):
    """Whether a request may be sent."""

    FREE = "free"
    PROBE = "probe"
    """May be sent as the probe; the caller must report its result (`open`, `shut` or `doubt`)."""
    REFUSED = "refused"


class Gate:
    """Circuit breaker: lets all requests through, none for a while, or a single probe.

    All delivery requests are checked here (`bot.client.rate_limit` calls `admit_request` right before sending), and all
    responses are reported here. A proxy's error page, code 40333 or a 401 shuts the gate at once; 5xx, timeouts and
    connection errors shut it after several places failed in a row (`report_suspect`). Waits double up to `MAX_WAIT`, or
    follow `Retry-After`. Then a single probe is sent; a response from Discord itself opens the gate. Only the operator
    is notified: one log line when it shuts, one when it opens.

    `reason` is why it is shut, `closed_until` when the next probe is allowed (both empty while it is open).
    `is_authorized` is False after a 401; then no request of the bot is sent, not only those of deliveries.
    `on_unauthorized`, if set, is called on each 401 (synchronously, inside a request; it must not raise), so that the
    application can exit. Without it the gate probes as after any error. A 401 on the first request, the login, is not
    reported: discord.py raises `LoginFailure` for it.

    Times come from the given clock; if that is set back, a wait is at most its full length from the new time.
    """

    def __init__(self, clock: Callable[[], datetime], on_change: Callable[[bool], None] | None = None) -> None:
        """`on_change` is called with True when the gate opens, False when it shuts."""
        self._clock = clock
        self._on_change = on_change
        self._shut_at: datetime | None = None
        self._wait = timedelta(0)
        self._waits = 0
        self._probing = False
        self._suspects: set[tuple[str, bool]] = set()
        self._in_writing = False
        """Whether a write request shut the gate."""
        self._logged_in = False
        self.on_unauthorized: Callable[[], None] | None = None
        self.is_authorized = True
        self.reason = ""

    @property
    def is_open(self) -> bool:
        return self._shut_at is None

    @property
    def closed_until(self) -> datetime | None:
        return None if self._shut_at is None else self._shut_at + self._wait

    def remaining_wait(self) -> timedelta:
        """Return the time until a request may be sent; zero if the gate is open or a probe is due."""
        if self._shut_at is None:
            return timedelta(0)
        now = self._clock()
        self._shut_at = min(self._shut_at, now)  # do not wait longer if the clock was set back
        return max(self._shut_at + self._wait - now, timedelta(0))

    @property
    def allows_probe(self) -> bool:
        """Whether it is shut and a probe may be sent."""
        return not self.is_open and not self._probing and not self.remaining_wait()

    def admit_request(self) -> Admission:
        """Decide about one request; call right before sending it."""
        if self.is_open:
            return Admission.FREE
        if not self.allows_probe:
            return Admission.REFUSED
        self._probing = True
        return Admission.PROBE

    def open_gate(self, *, reading: bool = False) -> None:
        """Report a response from Discord itself; `reading` if the request only reads.

        If writes failed, a successful read does not open the gate. After a 401 only the probe's response counts, since
        other requests may have been in flight.
        """
        self._logged_in = True
        # A write that succeeds clears all suspicion; a read clears only that of reads, since writes may fail alone.
        self._suspects = {(place, read) for place, read in self._suspects if reading and not read}
        if reading and self._in_writing:
            self._probing = False
            return
        if self.is_open or not (self.is_authorized or self._probing):
            return
        self._in_writing = False
        self._shut_at, self._waits, self._probing, self.is_authorized = None, 0, False, True
        _log.warning("Connection to Discord restored")
        self.reason = ""
        if self._on_change:
            self._on_change(True)

    def shut_gate(
        self, reason: str, retry_after: timedelta | None = None, *, unauthorized: bool = False, reading: bool = False
    ) -> None:
        """Block requests for a while. `retry_after` is Discord's `Retry-After`, if any."""
        if unauthorized and not self._logged_in:
            return
        was_open, probed = self.is_open, self._probing
        self._probing = False
        self._in_writing |= not reading
        if unauthorized:
            self.is_authorized = False
        if was_open or probed:  # ignore other requests that were in flight
            self._waits += 1
            self._wait = min(MIN_WAIT * 2 ** min(self._waits - 1, 10), MAX_WAIT)  # capped: a timedelta overflows
            self._shut_at = self._clock()
        self._wait = max(self._wait, min(retry_after or timedelta(0), MAX_RETRY_AFTER))
        self.reason = reason
        if was_open:
            _log.error("Connection to Discord failing, sending is paused: %s", reason)
            if self._on_change:
                self._on_change(False)
        if unauthorized and self.on_unauthorized:
            self.on_unauthorized()

    def report_suspect(self, place: str, reason: str, *, reading: bool = False) -> None:
        """Report a 5xx or no response. Shuts the gate if this was the probe, or after `_ENOUGH` different places."""
        self._suspects.add((place, reading))
        if self._probing or len(self._suspects) >= _ENOUGH:
            self.shut_gate(reason, reading=reading)
