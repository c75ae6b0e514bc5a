"""The desk's paginated lists: the review queue and the audit log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem
from bot.client.permissions import guild_id_of, require_moderator
from bot.domain.moderation import DecisionSource, Verdict
from bot.errors import UserError
from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card_list import render_card_list
from bot.render.moderation import log_text, waiting_note
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import COUNT_LIMIT, QueueFilters
from bot.ui.moderation import LETTERS, VERDICTS, decide_card
from bot.ui.pagination import (
    KEY,
    PAGE_SIZE,
    PLACE,
    START,
    PageCursor,
    Reply,
    page_at_offset,
    page_buttons,
    page_buttons_between,
    show_page,
)
from bot.ui.views import arrange_rows

LOG_PAGE = 7
"""Entries per page: nearly always fits into one message, even with long titles and reasons."""
_SEEN = r"\d{1,10}[pw-]"
_ONE = {Verdict.PUBLISH: tr_noop("Publish {number}"), Verdict.WITHDRAW: tr_noop("Withdraw {number}")}
_ALL = {Verdict.PUBLISH: tr_noop("Publish all {number}"), Verdict.WITHDRAW: tr_noop("Withdraw all {number}")}
"""Button labels for one card, by its position in the list, and for all cards on the page."""


async def show_queue_page(interaction: Interaction, filters: QueueFilters, key: str, place: PageCursor) -> Reply:
    """Render a page of the queue, with decision buttons for each card and for the whole page."""
    require_moderator(interaction)
    queue = await interaction.client.store.moderation.queue.get_page(
        guild_id_of(interaction), filters, limit=PAGE_SIZE, offset=place.offset
    )
    if not queue.waiting:
        raise UserError(
            tr("Nothing waits for a decision. Held cards appear here as they come in.")
            if filters == QueueFilters()
            else tr("Nothing waits with these filters.")
        )
    cards = tuple(each.card for each in queue.waiting)
    notes = [waiting_note(each.card, each.report_count) for each in queue.waiting]
    embeds = render_card_list(cards, interaction.client.settings.asset_base_url, first=place.offset + 1, notes=notes)
    view = arrange_rows(
        *_decision_buttons(cards, key, place),
        page_buttons(key, page_at_offset(cards, queue.total, place), place.offset),
    )
    return {"content": _count_text(queue.total), "embeds": embeds, "view": view}


def _count_text(waiting: int) -> str:
    if waiting > COUNT_LIMIT:
        return tr("**more than {most}** cards wait for a decision, best first.", most=format_number(COUNT_LIMIT))
    return trn(
        "**{count}** card waits for a decision, best first.",
        "**{count}** cards wait for a decision, best first.",
        waiting,
    )


def _decision_buttons(cards: Sequence[StoredCard], key: str, place: PageCursor) -> list[list[QueueButton]]:
    def make_button(verdict: Verdict, some: Sequence[StoredCard], label: str) -> QueueButton:
        return QueueButton(verdict, key, place, [(card.id, card.verdict) for card in some], label)

    numbered = list(enumerate(cards, place.offset + 1))
    found = [[make_button(each, [card], tr(_ONE[each], number=at)) for at, card in numbered] for each in Verdict]
    everything = [make_button(each, cards, tr(_ALL[each], number=len(cards))) for each in Verdict]
    return [*found, everything] if len(cards) > 1 else found


class QueueButton(
    ErrorReportingItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"nd:queue:(?P<verdict>[pw]):(?P<key>{KEY}):(?P<place>{PLACE}):(?P<seen>{_SEEN}(?:,{_SEEN}){{0,4}})",
):
    """Decides on one queued card, or on the whole page as displayed."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(
        self, verdict: Verdict, key: str, place: PageCursor, seen: Sequence[tuple[int, Verdict | None]], label: str
    ) -> None:
        # Each card with the verdict that the page shows: five of them fit into the 100 characters of a `custom_id`.
        written = ",".join(f"{card_id}{LETTERS[expected]}" for card_id, expected in seen)
        custom_id = f"nd:queue:{LETTERS[verdict]}:{key}:{place}:{written}"
        style = discord.ButtonStyle.success if verdict is Verdict.PUBLISH else discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=custom_id))
        self.verdict = verdict
        self.key = key
        self.place = place
        self.seen = seen

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        seen = [(int(each[:-1]), VERDICTS[each[-1]]) for each in match["seen"].split(",")]
        verdict = Verdict.PUBLISH if match["verdict"] == "p" else Verdict.WITHDRAW
        return cls(verdict, match["key"], PageCursor.parse(match["place"]), seen, "")

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        # One after another: a conflict on one card is reported and does not stop the others.
        results = [await self._decide_one(interaction, card_id, expected) for card_id, expected in self.seen]
        decided = sum(done for done, _ in results)
        lines = [_done_text(self.verdict, decided)] if decided else []
        lines += list(dict.fromkeys(words for _, words in results if words))
        if not decided:
            raise UserError("\n".join(lines))
        page = await self._next_page(interaction)
        page["content"] = "\n".join([*lines, page["content"] or ""]).strip()
        await answer_interaction(interaction, **page)

    async def _decide_one(self, interaction: Interaction, card_id: int, expected: Verdict | None) -> tuple[bool, str]:
        """Decide on one card; return whether that worked, and what to report."""
        card = await interaction.client.store.cards.get_card(card_id, guild_id_of(interaction), hidden=True)
        if card is None:
            return False, tr("A card is gone.")
        try:
            result = await decide_card(interaction, card, self.verdict, expected=expected, source=DecisionSource.BUTTON)
        except UserError as error:
            return False, str(error)
        return True, result.note

    async def _next_page(self, interaction: Interaction) -> Reply:
        """Render the page at the same position of the updated queue, or the first page if that is past the end."""
        # Deciding on all cards of the last page leaves nothing at its position.
        for place in dict.fromkeys((self.place, START)):
            try:
                return await show_page(interaction, self.key, place)
            except UserError as error:
                nothing = str(error)
        return {"content": nothing, "embeds": [], "view": None}


def _done_text(verdict: Verdict, cards: int) -> str:
    if verdict is Verdict.PUBLISH:
        return f"✅ {trn('{count} card published.', '{count} cards published.', cards)}"
    return f"🚫 {trn('{count} card withdrawn.', '{count} cards withdrawn.', cards)}"


async def show_log_page(interaction: Interaction, filters: AuditFilter, key: str, place: PageCursor) -> Reply:
    """Render a page of the audit log."""
    require_moderator(interaction)
    cursor = place.cursor
    page = await interaction.client.store.moderation.audit_log.get_page(
        guild_id_of(interaction),
        filters,
        limit=LOG_PAGE,
        place=cursor.sort_key if cursor else None,
        newer=bool(cursor and cursor.newer),
    )
    if not page.entries:
        raise UserError(tr("Nothing like that has been decided yet."))
    newest, oldest = page.entries[0].id, page.entries[-1].id
    buttons = page_buttons_between(key, newest, oldest, has_newer=page.has_newer, has_older=page.has_older)
    return {"content": log_text(page.entries), "embeds": [], "view": arrange_rows(buttons)}
