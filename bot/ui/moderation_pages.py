"""The desk's paginated lists: the review queue and the audit log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem
from bot.client.permissions import guild_id_of, require_moderator
from bot.domain.card_edit import is_editable
from bot.domain.moderation import DecisionSource, Verdict, is_visible
from bot.errors import UserError
from bot.i18n import format_list, format_number, tr, tr_noop, trn
from bot.render.card import format_headline
from bot.render.card_list import render_card_list
from bot.render.limits import CHOICE_NAME
from bot.render.links import format_waiting_submitters
from bot.render.markdown import cut_text, fit_escaped
from bot.render.moderation import log_text, waiting_note
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import COUNT_LIMIT, QueuedCard, QueueFilters
from bot.ui.card_edit import EditButton
from bot.ui.components import add_row, arrange_rows, list_rows
from bot.ui.moderation import (
    LETTERS,
    SOME_GONE,
    VERDICTS,
    ModerationResult,
    act_on_each,
    decide_card,
    list_destinations,
    load_cards,
)
from bot.ui.pagination import (
    KEY,
    PAGE_SIZE,
    PLACE,
    START,
    TOO_OLD,
    PageButton,
    PageCursor,
    Reply,
    page_at_offset,
    page_buttons,
    page_buttons_between,
    show_page,
)
from bot.ui.review_message import UndoButton

LOG_PAGE = 7
"""Entries per page: nearly always fits into one message, even with long titles and reasons."""
_SEEN = r"\d{1,10}[pw-]"
_TITLE = 120
"""Maximum characters of a title in a question."""


async def show_queue_page(interaction: Interaction, filters: QueueFilters, key: str, place: PageCursor) -> Reply:
    """Render a page of the queue, with a select of its cards and the decisions on what is chosen in it."""
    require_moderator(interaction)
    moderation, guild_id = interaction.client.store.moderation, guild_id_of(interaction)
    queue = await moderation.queue.get_page(guild_id, filters, limit=PAGE_SIZE, offset=place.offset)
    if not queue.waiting:
        raise UserError(
            tr("The queue is empty. Held cards appear here as they come in.")
            if filters == QueueFilters()
            else tr("No cards in the queue match these filters.")
        )
    cards = tuple(each.card for each in queue.waiting)
    card_ids = [card.id for card in cards]
    reports = await moderation.reports.list_open(guild_id, card_ids)
    notes = [waiting_note(card, reports.get(card.id, ())) for card in cards]
    embeds = render_card_list(cards, interaction.client.settings.asset_base_url, first=place.offset + 1, notes=notes)
    options = [_build_option(number, each) for number, each in enumerate(queue.waiting, place.offset + 1)]
    buttons = page_buttons(key, page_at_offset(cards, queue.total, place), place.offset)
    people = await moderation.submissions.list_for_cards(guild_id, card_ids)
    submitted = format_waiting_submitters(cards, people, place.offset + 1)
    content = "\n".join(filter(None, [_count_text(queue.total), submitted]))
    return {"content": content, "embeds": embeds, "view": _build_queue_view(options, key, place, buttons)}


def _count_text(waiting: int) -> str:
    if waiting > COUNT_LIMIT:
        return tr("**More than {most}** cards are waiting, best first.", most=format_number(COUNT_LIMIT))
    return trn(
        "**{count}** card is waiting.",
        "**{count}** cards are waiting, best first.",
        waiting,
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """A card of the page as the value of its option: all that its buttons need, so that choosing reads nothing."""

    card_id: int
    seen: Verdict | None
    is_reported: bool
    is_editable: bool

    def __str__(self) -> str:
        marks = "r" * self.is_reported + "e" * self.is_editable
        return f"{self.card_id}{LETTERS[self.seen]}{marks}"

    @classmethod
    def parse(cls, value: str) -> Self:
        match = re.fullmatch(r"(\d{1,10})([pw-])(r?)(e?)", value)
        if match is None:
            raise UserError(tr(TOO_OLD))
        card_id, seen, reported, editable = match.groups()
        return cls(int(card_id), VERDICTS[seen], bool(reported), bool(editable))


def _build_option(number: int, queued: QueuedCard) -> discord.SelectOption:
    card = queued.card
    choice = _Choice(card.id, card.verdict, queued.report_count > 0, is_editable(card.source))
    title = cut_text(f"{number}. {' '.join(format_headline(card.card).split())}", CHOICE_NAME)
    publisher = cut_text(" ".join(card.card.provider.name.split()), CHOICE_NAME) if card.card.provider else None
    return discord.SelectOption(label=title, value=str(choice), description=publisher or None)


def _build_queue_view(
    options: Sequence[discord.SelectOption], key: str, place: PageCursor, *below: Sequence[discord.ui.Item[Any]]
) -> discord.ui.View:
    """Build the controls of a page: its buttons act on the chosen options, or on all of them if none is chosen."""
    chosen = [_Choice.parse(option.value) for option in options if option.default]
    wanted = chosen or [_Choice.parse(option.value) for option in options]
    seen = [(each.card_id, each.seen) for each in wanted]
    keeps, is_all = all(each.is_reported for each in wanted), not chosen
    buttons: list[discord.ui.Item[Any]] = [
        QueueButton(verdict, key, place, seen, _label(verdict, len(seen), keeps=keeps, is_all=is_all))
        for verdict in Verdict
    ]
    if len(wanted) == 1 and wanted[0].is_editable:
        buttons.append(EditButton(wanted[0].card_id, tr("Edit…")))
    return arrange_rows([QueueSelect(key, place, options)] if len(options) > 1 else [], buttons, *below)


def _label(verdict: Verdict, count: int, *, keeps: bool, is_all: bool = False) -> str:
    one, several, everything = _LABELS[verdict, keeps and verdict is Verdict.PUBLISH]
    return tr(one) if count == 1 else tr(everything if is_all else several, count=count)


_LABELS = {
    (Verdict.PUBLISH, False): (tr_noop("Publish"), tr_noop("Publish {count}"), tr_noop("Publish all {count}")),
    (Verdict.PUBLISH, True): (tr_noop("Keep"), tr_noop("Keep {count}"), tr_noop("Keep all {count}")),
    (Verdict.WITHDRAW, False): (tr_noop("Withdraw"), tr_noop("Withdraw {count}"), tr_noop("Withdraw all {count}")),
}
"""Button labels by verdict, and whether all cards are published ones that were reported: for one card, several, all."""


class QueueSelect(
    ErrorReportingItem,
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=rf"nd:choose:(?P<key>{KEY}):(?P<place>{PLACE})",
):
    """Chooses cards of the page for its buttons. Reads nothing: the page stays as the person sees it."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, key: str, place: PageCursor, options: Sequence[discord.SelectOption] = ()) -> None:
        select: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=tr("Choose cards…"),
            options=list(options),
            min_values=0,
            max_values=len(options) or 1,
            custom_id=f"nd:choose:{key}:{place}",
        )
        super().__init__(select)
        self.key = key
        self.place = place

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(match["key"], PageCursor.parse(match["place"]))

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        (select,), *rows = list_rows(interaction.message)
        for option in select.options:
            option.default = option.value in self.item.values
        # Below the select are the decisions, which change, and then the page buttons, which stay.
        view = _build_queue_view(select.options, self.key, self.place, *rows[1:])
        await answer_interaction(interaction, view=view)


class QueueButton(
    ErrorReportingItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"nd:queue:(?P<verdict>[pw])(?P<asked>!?):(?P<key>{KEY}):(?P<place>{PLACE})"
    rf":(?P<seen>{_SEEN}(?:,{_SEEN}){{0,4}})",
):
    """Decides on queued cards; on several of them only when it was asked (`is_asked`), else it asks."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(
        self,
        verdict: Verdict,
        key: str,
        place: PageCursor,
        seen: Sequence[tuple[int, Verdict | None]],
        label: str,
        *,
        is_asked: bool = False,
    ) -> None:
        # Each card with the verdict that the page shows: five of them fit into the 100 characters of a `custom_id`.
        written = ",".join(f"{card_id}{LETTERS[expected]}" for card_id, expected in seen)
        custom_id = f"nd:queue:{LETTERS[verdict]}{'!' * is_asked}:{key}:{place}:{written}"
        style = discord.ButtonStyle.success if verdict is Verdict.PUBLISH else discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=custom_id))
        self.verdict = verdict
        self.key = key
        self.place = place
        self.seen = seen
        self.is_asked = is_asked

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        seen = [(int(each[:-1]), VERDICTS[each[-1]]) for each in match["seen"].split(",")]
        verdict = Verdict.PUBLISH if match["verdict"] == "p" else Verdict.WITHDRAW
        return cls(verdict, match["key"], PageCursor.parse(match["place"]), seen, "", is_asked=bool(match["asked"]))

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        cards = await load_cards(interaction, [card_id for card_id, _ in self.seen])
        if len(self.seen) > 1 and not self.is_asked:
            await self._ask_first(interaction, cards)
        else:
            await self._decide(interaction, cards)

    async def _ask_first(self, interaction: Interaction, cards: Sequence[StoredCard]) -> None:
        """Turn the page into a question that says what will happen."""
        question = await _ask_text(interaction, self.verdict, cards)
        label = _label(self.verdict, len(cards), keeps=_is_kept(self.verdict, cards))
        button = QueueButton(self.verdict, self.key, self.place, self.seen, label, is_asked=True)
        view = arrange_rows([button, PageButton(self.key, self.place, tr("Cancel"))])
        await answer_interaction(interaction, question, embeds=[], view=view)

    async def _decide(self, interaction: Interaction, cards: Sequence[StoredCard]) -> None:
        seen = dict(self.seen)

        async def decide(card: StoredCard) -> ModerationResult:
            return await decide_card(
                interaction, card, self.verdict, expected=seen[card.id], source=DecisionSource.BUTTON
            )

        results, problems = await act_on_each(cards, decide)
        if len(cards) < len(self.seen):
            problems.append(tr(SOME_GONE))
        if results:
            kept = _is_kept(self.verdict, cards)
            lines = [_done_text(self.verdict, len(results), kept=kept), *(each.note for each in results), *problems]
        elif self.is_asked:
            lines = problems
        else:
            raise UserError("\n".join(problems))
        page = await self._next_page(interaction)
        page["content"] = "\n".join(filter(None, [*dict.fromkeys(lines), page["content"]]))
        if results:
            page["view"] = add_row(page["view"], UndoButton([each.entry.id for each in results]))
        await answer_interaction(interaction, **page)

    async def _next_page(self, interaction: Interaction) -> Reply:
        """Render the page at the same position of the updated queue, or the first page if that is past the end."""
        # Deciding on all cards of the last page leaves nothing at its position.
        for place in dict.fromkeys((self.place, START)):
            try:
                return await show_page(interaction, self.key, place)
            except UserError as error:
                nothing = str(error)
        return {"content": nothing, "embeds": [], "view": arrange_rows()}


def _is_kept(verdict: Verdict, cards: Sequence[StoredCard]) -> bool:
    """Whether publishing only answers reports: readers see all of these cards already."""
    return verdict is Verdict.PUBLISH and all(is_visible(card.card.state, card.verdict) for card in cards)


async def _ask_text(interaction: Interaction, verdict: Verdict, cards: Sequence[StoredCard]) -> str:
    count = len(cards)
    if _is_kept(verdict, cards):
        question = trn("Keep {count} card?", "Keep {count} cards?", count)
        follows = tr("They stay published, and their reports are closed.")
    elif verdict is Verdict.PUBLISH:
        question = trn("Publish {count} card?", "Publish {count} cards?", count)
        channels = await list_destinations(interaction, cards)
        follows = (
            tr("They go to {channels}.", channels=format_list(f"<#{channel}>" for channel in channels))
            if channels
            else tr("No subscription here matches them.")
        )
    else:
        question = trn("Withdraw {count} card?", "Withdraw {count} cards?", count)
        posts = await interaction.client.store.moderation.queue.count_posts(
            guild_id_of(interaction), [card.id for card in cards]
        )
        follows = (
            trn("{count} post is removed or updated.", "{count} posts are removed or updated.", posts)
            if posts
            else tr("None of them was posted here yet.")
        )
    titles = [f"- {fit_escaped(format_headline(card.card), _TITLE)}" for card in cards]
    return "\n".join([f"**{question}** {follows}", *titles])


def _done_text(verdict: Verdict, cards: int, *, kept: bool) -> str:
    if kept:
        return f"✅ {trn('{count} card kept.', '{count} cards kept.', cards)}"
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
        raise UserError(tr("No such decisions yet."))
    newest, oldest = page.entries[0].id, page.entries[-1].id
    buttons = page_buttons_between(key, newest, oldest, has_newer=page.has_newer, has_older=page.has_older)
    people = await interaction.client.store.moderation.submissions.list_for_cards(
        guild_id_of(interaction), {entry.card_id for entry in page.entries}
    )
    return {"content": log_text(page.entries, people), "embeds": [], "view": arrange_rows(buttons)}


QUEUE_ITEMS = (QueueSelect, QueueButton)
"""Persistent components of the queue."""
