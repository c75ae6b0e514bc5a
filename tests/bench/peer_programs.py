"""What a user would run instead of Newsdesk, each in a process of its own: `python FILE plain|reader FOLDER API`.

Needs nothing of this project. `plain` is feedparser and discord.py's `channel.send` in a loop; `reader` is the library
of that name with a poster in the style of discord-rss-bot, which marks an entry as read before it is sent. Feeds come
on standard input, "ADDRESS CHANNEL" a line, up to an empty one; each further line asks for a look at all of them and
for posts of what is new, which is answered by a line. Both are sequential, as such programs are.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any, Protocol

TOKEN = "a.test.token"


class Program(Protocol):
    """What follows feeds and posts their new items."""

    def add_feeds(self, channels: dict[str, int]) -> None: ...

    def look(self) -> None: ...


class PlainLoop:
    """feedparser and discord.py as their manuals say. What was posted is kept after each post."""

    def __init__(self, folder: Path, api: str) -> None:
        import discord
        import feedparser
        from discord.http import Route

        Route.BASE = api
        self._parse = feedparser.parse
        self._embed = discord.Embed
        self._loop = asyncio.new_event_loop()
        self._client = discord.Client(intents=discord.Intents.none())
        self._loop.run_until_complete(self._client.login(TOKEN))
        self._database = sqlite3.connect(folder / "plain.db")
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS feeds (url TEXT PRIMARY KEY, etag TEXT);"
            "CREATE TABLE IF NOT EXISTS items (url TEXT, id TEXT, PRIMARY KEY (url, id));"
        )

    def add_feeds(self, channels: dict[str, int]) -> None:
        self._channels = channels
        self._database.executemany("INSERT OR IGNORE INTO feeds VALUES (?, NULL)", [(url,) for url in channels])
        self._database.commit()

    def look(self) -> None:
        self._loop.run_until_complete(self._look())

    async def _look(self) -> None:
        for url, etag in self._database.execute("SELECT url, etag FROM feeds").fetchall():
            found: Any = self._parse(url, etag=etag)
            if found.status == 304:
                continue
            for entry in reversed(found.entries):
                if etag is None:  # the first look: what is there is not new
                    self._note(url, entry.id)
                elif not self._is_known(url, entry.id):
                    await self._post(self._channels[url], entry)
                    self._note(url, entry.id)
            self._database.execute("UPDATE feeds SET etag = ? WHERE url = ?", (found.get("etag"), url))
            self._database.commit()

    def _is_known(self, url: str, item: str) -> bool:
        return bool(self._database.execute("SELECT 1 FROM items WHERE url = ? AND id = ?", (url, item)).fetchone())

    def _note(self, url: str, item: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO items VALUES (?, ?)", (url, item))
        self._database.commit()

    async def _post(self, channel_id: int, entry: Any) -> None:
        channel = self._client.get_partial_messageable(channel_id)
        await channel.send(embed=self._embed(title=entry.title, url=entry.link, description=entry.summary))


class ReaderPoster:
    """`reader` with its defaults, then a request for each unread entry. The first look only marks all as read."""

    def __init__(self, folder: Path, api: str) -> None:
        import requests  # type: ignore[import-untyped]  # comes with `reader`
        from reader import make_reader  # type: ignore[import-not-found]  # installed in the process's own venv

        self._api = api
        self._reader: Any = make_reader(str(folder / "reader.db"))
        self._session: Any = requests.Session()
        self._session.headers["Authorization"] = f"Bot {TOKEN}"

    def add_feeds(self, channels: dict[str, int]) -> None:
        self._channels = channels
        self._is_first = not list(self._reader.get_feeds())
        for url in channels:
            self._reader.add_feed(url, exist_ok=True)

    def look(self) -> None:
        for result in self._reader.update_feeds_iter(scheduled=False):
            if isinstance(result.value, Exception):
                raise result.value
        for entry in list(self._reader.get_entries(read=False)):
            self._reader.mark_entry_as_read(entry)
            if not self._is_first:
                content = {"content": f"{entry.title}\n{entry.link}"}
                url = f"{self._api}/channels/{self._channels[entry.feed_url]}/messages"
                self._session.post(url, json=content).raise_for_status()
        self._is_first = False


def main() -> None:
    kind, folder, api = sys.argv[1:4]
    program: Program = (PlainLoop if kind == "plain" else ReaderPoster)(Path(folder), api)
    lines = (line.strip() for line in sys.stdin)
    feeds = [line.split() for line in iter(lambda: next(lines), "")]
    program.add_feeds({url: int(channel) for url, channel in feeds})
    for _ in lines:
        program.look()
        print("done", flush=True)


if __name__ == "__main__":
    main()
