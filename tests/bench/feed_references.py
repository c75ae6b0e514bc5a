"""Other programs that follow feeds, each in a process of its own beside ours: `python FILE plain|reader FOLDER`.

Needs nothing of this project. Addresses come on standard input, one a line, up to an empty one; each further line asks
for a look at all of them, which is answered by a line of JSON.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Protocol

BATCH = 25
"""Feeds per transaction where nothing else decides it."""


class Follower(Protocol):
    """What looks at feeds and stores their items."""

    def add_feeds(self, urls: list[str]) -> None: ...

    def look(self) -> None: ...

    def count_items(self) -> int: ...


class PlainFeedparser:
    """feedparser as its manual says, with the least that a store needs: validators and items, feeds in batches."""

    def __init__(self, folder: Path) -> None:
        import feedparser

        self._parse = feedparser.parse
        self._database = sqlite3.connect(folder / "plain.db")
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE feeds (url TEXT PRIMARY KEY, etag TEXT, modified TEXT);"
            "CREATE TABLE items (url TEXT, id TEXT, title TEXT, link TEXT, summary TEXT, PRIMARY KEY (url, id));"
        )

    def add_feeds(self, urls: list[str]) -> None:
        self._database.executemany("INSERT INTO feeds VALUES (?, NULL, NULL)", [(url,) for url in urls])
        self._database.commit()

    def look(self) -> None:
        for number, row in enumerate(self._database.execute("SELECT url, etag, modified FROM feeds").fetchall(), 1):
            self._look_at(*row)
            if number % BATCH == 0:
                self._database.commit()
        self._database.commit()

    def _look_at(self, url: str, etag: str | None, modified: str | None) -> None:
        found: Any = self._parse(url, etag=etag, modified=modified)
        if found.status == 304:
            return
        rows = [(url, each.id, each.title, each.link, each.summary) for each in found.entries]
        self._database.executemany("INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, ?)", rows)
        values = (found.get("etag"), found.get("modified"), url)
        self._database.execute("UPDATE feeds SET etag = ?, modified = ? WHERE url = ?", values)

    def count_items(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM items").fetchone()[0])


class ReaderLibrary:
    """The library `reader` with its defaults; the hour after which a feed is due again is skipped."""

    def __init__(self, folder: Path) -> None:
        from reader import make_reader  # type: ignore[import-not-found]  # installed in the process's own venv

        self._reader: Any = make_reader(str(folder / "reader.db"))

    def add_feeds(self, urls: list[str]) -> None:
        for url in urls:
            self._reader.add_feed(url)

    def look(self) -> None:
        for result in self._reader.update_feeds_iter(scheduled=False):
            if isinstance(result.value, Exception):
                raise result.value

    def count_items(self) -> int:
        return int(self._reader.get_entry_counts().total)


def main() -> None:
    kind, folder = sys.argv[1:3]
    follower: Follower = PlainFeedparser(Path(folder)) if kind == "plain" else ReaderLibrary(Path(folder))
    lines = (line.strip() for line in sys.stdin)
    follower.add_feeds(list(iter(lambda: next(lines), "")))
    for _ in lines:
        wall, cpu = perf_counter(), process_time()
        follower.look()
        times = {"cpu": process_time() - cpu, "wall": perf_counter() - wall}
        print(json.dumps(times | {"items": follower.count_items()}), flush=True)


if __name__ == "__main__":
    main()
