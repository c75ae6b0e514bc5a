"""The desk's paginated lists: the review queue and the audit log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.desk.publication import Source, Verdict
from bot.errors import UserError
from bot.gateway.acknowledgement import Acknowledgement, answer
from bot.gateway.decisions import LETTERS, VERDICTS, decide
from bot.gateway.failures import Answering
from bot.gateway.rights import guild_id, require_moderator
from bot.gateway.turning import (
    KEY,
    PAGE,
    PLACE,
    START,
    Place,
    Reply,
    Request,
    offset_page,
    turned,
    turns,
    turns_between,
)
from bot.gateway.views import rows
from bot.language import marked, number, tr, trn
from bot.render.desk import log_text, waiting_note
from bot.render.lists import card_list
from bot.store.log import Wanted
from bot.store.queue import COUNTED, Filters
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

    Interaction = discord.Interaction[NewsBot]

LOG_PAGE = 7
"""Entries per page: nearly always fits into one message, even with long titles and reasons."""
_SEEN = r"\d{1,10}[pw-]"
_ONE = {Verdict.PUBLISH: marked("Publish {number}"), Verdict.WITHDRAW: marked("Withdraw {number}")}
_ALL = {Verdict.PUBLISH: marked("Publish all {number}"), Verdict.WITHDRAW: marked("Withdraw all {number}")}
"""Button labels for one card, by its position in the list, and for all cards on the page."""


async def queue_page(interaction: Interaction, request: Request, key: str, place: Place) -> Reply:
    """Render a page of the queue, with decision buttons for each card and for the whole page."""
    require_moderator(interaction)
    since = datetime.fromisoformat(request["since"]) if request["since"] else None
    filters = Filters(request["topic"], request["provider"], request["min_quality"], since)
    queue = await interaction.client.store.queue.page(guild_id(interaction), filters, limit=PAGE, offset=place.offset)
    if not queue.waiting:
        raise UserError(
            tr("Nothing waits for a decision. Held cards appear here as they come in.")
            if filters == Filters()
            else tr("Nothing waits with these filters.")
        )
    cards = tuple(each.card for each in queue.waiting)
    notes = [waiting_note(each.card, each.flags) for each in queue.waiting]
    embeds = card_list(cards, interaction.client.settings.asset_base_url, first=place.offset + 1, notes=notes)
    view = rows(*_decisions(cards, key, place), turns(key, offset_page(cards, queue.total, place), place.offset))
    return {"content": _how_many(queue.total), "embeds": embeds, "view": view}


def _how_many(waiting: int) -> str:
    if waiting > COUNTED:
        return tr("**more than {most}** cards wait for a decision, best first.", most=number(COUNTED))
    return trn(
        "**{count}** card waits for a decision, best first.",
        "**{count}** cards wait for a decision, best first.",
        waiting,
    )


def _decisions(cards: Sequence[FiledCard], key: str, place: Place) -> list[list[QueueButton]]:
    def button(verdict: Verdict, some: Sequence[FiledCard], label: str) -> QueueButton:
        return QueueButton(verdict, key, place, [(card.id, card.verdict) for card in some], label)

    numbered = list(enumerate(cards, place.offset + 1))
    found = [[button(each, [card], tr(_ONE[each], number=at)) for at, card in numbered] for each in Verdict]
    everything = [button(each, cards, tr(_ALL[each], number=len(cards))) for each in Verdict]
    return [*found, everything] if len(cards) > 1 else found


class QueueButton(
    Answering,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"nd:queue:(?P<verdict>[pw]):(?P<key>{KEY}):(?P<place>{PLACE}):(?P<seen>{_SEEN}(?:,{_SEEN}){{0,4}})",
):
    """Decides on one queued card, or on the whole page as displayed."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(
        self, verdict: Verdict, key: str, place: Place, seen: Sequence[tuple[int, Verdict | None]], label: str
    ) -> None:
        written = ",".join(f"{card_id}{LETTERS[expected]}" for card_id, expected in seen)
        custom_id = f"nd:queue:{LETTERS[verdict]}:{key}:{place}:{written}"
        style = discord.ButtonStyle.success if verdict is Verdict.PUBLISH else discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=custom_id))
        self.verdict = verdict
        self.key = key
        self.place = place
        self.seen = seen

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        seen = [(int(each[:-1]), VERDICTS[each[-1]]) for each in match["seen"].split(",")]
        verdict = Verdict.PUBLISH if match["verdict"] == "p" else Verdict.WITHDRAW
        return cls(verdict, match["key"], Place.parsed(match["place"]), seen, "")

    async def act(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        tried = [await self._decided(interaction, card_id, expected) for card_id, expected in self.seen]
        decided = sum(done for done, _ in tried)
        lines = [_done_line(self.verdict, decided)] if decided else []
        lines += list(dict.fromkeys(words for _, words in tried if words))
        if not decided:
            raise UserError("\n".join(lines))
        page = await self._page(interaction)
        page["content"] = "\n".join([*lines, page["content"] or ""]).strip()
        await answer(interaction, **page)

    async def _decided(self, interaction: Interaction, card_id: int, expected: Verdict | None) -> tuple[bool, str]:
        """Decide on one card; return whether that worked, and what to report."""
        card = await interaction.client.store.archive.card(card_id, guild_id(interaction), hidden=True)
        if card is None:
            return False, tr("A card is gone.")
        try:
            done = await decide(interaction, card, self.verdict, expected=expected, source=Source.BUTTON)
        except UserError as error:
            return False, str(error)
        return True, done.note

    async def _page(self, interaction: Interaction) -> Reply:
        """Render the page at the same position of the updated queue, or the first page if that is past the end."""
        for place in dict.fromkeys((self.place, START)):
            try:
                return await turned(interaction, self.key, place)
            except UserError as error:
                nothing = str(error)
        return {"content": nothing, "embeds": [], "view": None}


def _done_line(verdict: Verdict, cards: int) -> str:
    if verdict is Verdict.PUBLISH:
        return f"✅ {trn('{count} card published.', '{count} cards published.', cards)}"
    return f"🚫 {trn('{count} card withdrawn.', '{count} cards withdrawn.', cards)}"


async def log_page(interaction: Interaction, request: Request, key: str, place: Place) -> Reply:
    """Render a page of the audit log."""
    require_moderator(interaction)
    source = Source(request["source"]) if request["source"] else None
    wanted = Wanted(request["card_id"], request["actor_id"], request["after"], source)
    cursor = place.cursor
    page = await interaction.client.store.log.page(
        guild_id(interaction),
        wanted,
        limit=LOG_PAGE,
        place=cursor.timeline if cursor else None,
        newer=bool(cursor and cursor.newer),
    )
    if not page.entries:
        raise UserError(tr("Nothing like that has been decided yet."))
    newest, oldest = page.entries[0].id, page.entries[-1].id
    buttons = turns_between(key, newest, oldest, has_newer=page.has_newer, has_older=page.has_older)
    return {"content": log_text(page.entries), "embeds": [], "view": rows(buttons)}
