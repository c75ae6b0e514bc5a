"""The request log: what came in, when, and how it was answered."""

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from tests.wire.errors import Json


@dataclass(slots=True)
class JournalEntry:
    """One request. ``at`` is the monotonic clock at its arrival; status 0 means that it was never
    answered.
    """

    number: int
    time: float
    at: float
    method: str
    path: str
    route: str
    exempt: bool
    """From the global limit, as interaction routes are."""
    status: int = 0
    bucket: str | None = None
    fault: str | None = None
    code: int | None = None
    took: float = 0.0


class Journal:
    """All requests since the last reset, in order of arrival."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def add_entry(self, entry: JournalEntry) -> None:
        self.entries.append(entry)

    def select_entries(self, query: Any) -> list[Json]:
        """Those that match ``method``, ``path`` (a regular expression), ``status``, and came after
        ``since``.
        """
        pattern = re.compile(query.get("path", ""))
        method, status = query.get("method"), query.get("status")
        return [
            asdict(entry)
            for entry in self.entries[int(query.get("since", 0)) :]
            if (method is None or entry.method == method)
            and (status is None or entry.status == int(status))
            and pattern.search(entry.path)
        ]

    def count_requests(self) -> Json:
        by_route: dict[str, Counter[str]] = {}
        for entry in self.entries:
            by_route.setdefault(f"{entry.method} {entry.route}", Counter())[str(entry.status)] += 1
        return {
            "requests": len(self.entries),
            "by_status": dict(Counter(str(entry.status) for entry in self.entries)),
            "by_route": {route: dict(statuses) for route, statuses in by_route.items()},
            "busiest_second": self._busiest_second(),
        }

    def _busiest_second(self) -> int:
        """The most requests under the global limit that arrived within any one second."""
        times = [entry.at for entry in self.entries if not entry.exempt]
        busiest = first = 0
        for last, at in enumerate(times):
            while times[first] <= at - 1.0:
                first += 1
            busiest = max(busiest, last - first + 1)
        return busiest
