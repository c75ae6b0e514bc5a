"""simcord's page of a channel, with every action of a user and every card of the bot taking its turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_urlsafe
from typing import Any

import simcord
from simcord.preview import _markdown
from simcord.preview._media import MediaInfo, MediaWorker, _process_media

from bot.clock import utc_now
from bot.demo.fake_discord import Assets, Channel, FakeDiscord, MessageChange, Person
from bot.i18n import override_language, tr, tr_command_name

# Discord names members and commands in embeds too, and draws small print.
for _place in ("embed_description", "embed_field_value"):
    _markdown._FIELD_POLICIES[_place].update(mentions=True, commands=True, subtext=True)  # noqa: SLF001
_PARSERS = 100
_make_parser = _markdown._markdown_parser  # noqa: SLF001
_parsers: dict[str, Any] = {}


def _reuse_parser(policy: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    """Keep the parsers of texts: simcord would build one for each text on each look, which takes half of its time."""
    key = json.dumps([policy, context], sort_keys=True, default=str)
    if key not in _parsers:
        if len(_parsers) >= _PARSERS:
            _parsers.clear()
        _parsers[key] = _make_parser(policy, context)
    return _parsers[key]


_markdown._markdown_parser = _reuse_parser  # noqa: SLF001


class _PictureWorker(MediaWorker):
    """Decodes each picture once and in this process: they are the demo's own and trusted.

    simcord would start a process per picture and page, which takes seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._prepared: dict[str, MediaInfo] = {}

    async def validate(self, key: str, blob: bytes, *, media_time: float | None = None) -> MediaInfo:
        if key not in self._prepared:
            self._prepared[key] = await asyncio.to_thread(_process_media, blob, media_time)
        return self._prepared[key]

    async def close(self) -> None:
        """Do nothing: it outlives the page it was given to."""


def _translate_commands(entries: Iterable[dict[str, Any]], language: str) -> None:
    """Name the commands in the members' language. Options keep the names under which they are sent."""
    with override_language(language):
        for entry in entries:
            entry["invocation"] = " ".join(tr_command_name(name, language) for name in entry["path"])
            for described in (entry, *entry["options"]):
                described["description"] = described["description"] and tr(described["description"])


def _parse_message_id(control_key: object) -> int | None:
    """Return the message of simcord's key of a button, such as `message:12:component:0.components.0`."""
    kind, _, rest = str(control_key).partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind == "message" and number.isdecimal() else None


class PreviewPage:
    """simcord's page of one channel; switching channels means reopening it."""

    def __init__(self, world: FakeDiscord, viewers: Sequence[Person], assets: Assets) -> None:
        self._world = world
        self._viewers = viewers
        self._assets = assets
        self._pictures = _PictureWorker()
        self._preview: simcord.Preview | None = None
        self._stale = False
        self._changed: set[int] = set()
        """Ids of messages that no page shows yet as they are."""
        self.channel: Channel | None = None
        world.on_change(self._on_change)

    @property
    def address(self) -> str | None:
        """Return the page's URL, with its secret in the fragment; None while it is closed."""
        return self._preview.url if self._preview and self.channel else None

    def readers_of(self, channel: Channel) -> list[str]:
        """Return the ids of the viewers who can read a channel."""
        return [str(person.id) for person in self._world.readers_of(channel, self._viewers)]

    async def show_channel(self, channel: Channel, zone: str = "UTC", viewer: str = "") -> None:
        """Open the page of a channel in the browser's time zone, replacing the previous one."""
        await self.close()
        self._changed.clear()
        readers = sorted(self._world.readers_of(channel, self._viewers), key=lambda each: str(each.id) != viewer)
        async with self._world.turn:
            preview = self._world.env.preview(
                channel,
                viewers=readers,
                layout="channel",
                assets=self._assets,
                locale=self._world.locale,
                timezone=zone,
            )
            self._take_over(preview)
            self._preview = await preview.__aenter__()
            preview._python.window_end_id = None  # type: ignore[union-attr]  # noqa: SLF001 - ends with the newest message
        self.channel = channel

    def _take_over(self, preview: simcord.Preview) -> None:
        """Change what simcord has no settings for."""
        preview._media_worker = self._pictures  # noqa: SLF001
        act, publish = preview._action, preview._publish  # noqa: SLF001

        async def act_in_turn(context: str | None, body: Any) -> dict[str, Any]:
            async with self._world.turn:
                page = preview._get_page(context)  # noqa: SLF001
                current = body
                if isinstance(body, Mapping):
                    # A card that came since the browser's last look is no reason to refuse a click. A message that has
                    # changed is one: simcord tells buttons by their places, and another may be there now.
                    has_changed = _parse_message_id(body.get("control_key")) in self._changed
                    current = {**body, "published_revision": -1 if has_changed else page.revision}
                answer = await act(context, current)
                self._stale |= page.status == "stale"  # after a failure; it takes no commands until it is published
                return answer

        def publish_now(page: Any, *, reason: Any = "action") -> None:
            if page is preview._python and reason == "refresh":  # noqa: SLF001
                return  # nobody looks at it
            preview.capture_time = utc_now()  # or a decision of this second is shown as one to come
            publish(page, reason=reason)
            _translate_commands(page.command_catalog.get("entries", ()), self._world.language)

        preview._action, preview._publish = act_in_turn, publish_now  # type: ignore[method-assign, assignment]  # noqa: SLF001

    def _on_change(self, change: MessageChange) -> None:
        if self.channel is not None and change.channel_id == self.channel.id:
            self._stale = True
            if not change.new:
                self._changed.add(change.message_id)

    async def refresh_page(self) -> None:
        """Show the bot's background work, if there is some."""
        async with self._world.turn:
            if not self._stale or self._preview is None:
                return
            self._stale = False
            try:
                await self._preview.refresh()
                self._changed.clear()
            except (simcord.SetupError, TimeoutError):
                self._stale = True  # the page is being closed, or the bot is still at work

    async def run_message_command(self, context: str, command: str, message_id: int) -> None:
        """Run a command of a message's menu for the viewer of the page `context`. Raises `LookupError`."""
        async with self._world.turn:
            preview, channel = self._preview, self.channel
            if preview is None or channel is None:
                raise LookupError("no channel is open")
            try:
                page = preview._get_page(context)  # noqa: SLF001
                target = next(each for each in channel.history(viewer=page.viewer) if each.id == message_id)
                answer = await page.viewer.context_menu(channel, command, target)
            except (simcord.SetupError, StopIteration) as error:
                raise LookupError(f"no such page, message or command: {error}") from error
            if answer.modal is not None:
                page.modal, page.modal_handle = answer, f"m_{token_urlsafe(12)}"
            preview._publish(page)  # noqa: SLF001

    async def close(self) -> None:
        """Close the page once the action in progress has finished."""
        preview, self._preview, self.channel = self._preview, None, None
        if preview is not None:
            await preview.close()
