"""Moderation actions on a card, from commands and buttons: check permission, apply once, report the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.cards.model import CardState
from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of, require_moderator
from bot.domain.card_edit import CardEdit
from bot.domain.filters import matches_options
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.domain.story_change import StoryRefusal
from bot.domain.story_clustering import LARGEST
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.render.card import format_headline
from bot.render.markdown import fit_escaped
from bot.render.moderation import conflict_text
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditEntry, AuditSubject, DecisionOutcome, ModerationAct
from bot.store.moderation.edits import EditableCard
from bot.store.moderation.stories import StoryOutcome
from bot.ui.autocomplete import split_topics
from bot.ui.owner_actions import require_owner
from bot.worker.requests import RequestKind

REASON = 400
"""Maximum characters of a reason."""
MAX_TOPICS, MAX_TOPIC_LENGTH = 10, 50
_TITLE = 80
"""Maximum characters of a title in front of a problem."""
LETTERS = {Verdict.PUBLISH: "p", Verdict.WITHDRAW: "w", None: "-"}
"""A verdict as encoded in a `custom_id`; `-` for none."""
_WRITTEN_WITHIN = 10.0
"""Seconds to wait for the card's file to be written before the reply says that it is still pending."""
VERDICTS = {letter: verdict for verdict, letter in LETTERS.items()}
GONE = tr_noop("This card is gone: it was withdrawn, its file was deleted, or this server no longer follows its feed.")
SOME_GONE = tr_noop("Some of the cards are gone.")
_HERE_ALREADY = {
    Verdict.PUBLISH: tr_noop("This card is already published here."),
    Verdict.WITHDRAW: tr_noop("This card is already withdrawn here."),
}
_EVERYWHERE_ALREADY = {
    Verdict.PUBLISH: tr_noop("This card is already published everywhere."),
    Verdict.WITHDRAW: tr_noop("This card is already withdrawn everywhere."),
}


@dataclass(frozen=True, slots=True)
class ModerationResult:
    """The outcome of an action. `note` is additional information for the person."""

    entry: AuditEntry
    note: str = ""


async def require_decision_right(interaction: Interaction, *, everywhere: bool = False) -> None:
    """Raise unless the person may decide now: for their guild, or as an owner for `everywhere`."""
    if everywhere:
        await require_owner(interaction)
    else:
        require_moderator(interaction)


async def decide_card(
    interaction: Interaction,
    card: StoredCard,
    verdict: Verdict,
    *,
    expected: Verdict | None,
    source: DecisionSource,
    reason: str = "",
    only: Sequence[int] | None = None,
    everywhere: bool = False,
) -> ModerationResult:
    """Decide on a card for this guild or everywhere, and trigger updates of its posts. Raises `UserError`."""
    await require_decision_right(interaction, everywhere=everywhere)
    bot, guild_id = interaction.client, EVERYWHERE if everywhere else guild_id_of(interaction)
    current = card.ruling if everywhere else card.verdict
    # The person decided on what they saw. If somebody else was faster, their decision is shown instead of replaced.
    if current is not expected:
        raise UserError(
            conflict_text(await bot.store.moderation.audit_log.get_last(guild_id, card.id, AuditSubject.VERDICT))
        )
    # The check above reads a card loaded earlier; the store compares `expected` again within the transaction.
    await _reject_no_op(interaction, card, verdict, everywhere=everywhere, picked=only is not None)
    picked = tuple(only) if only is not None else None
    decision = Decision(guild_id, card.id, verdict, interaction.user.id, bot.clock(), reason, picked)
    outcome = await bot.store.moderation.decisions.decide_card(decision, source=source, expected=expected)
    if outcome.entry is None and await bot.store.cards.get_card(card.id, guild_id_of(interaction), hidden=True) is None:
        raise UserError(tr(GONE))
    return await _apply_outcome(interaction, outcome)


async def undo_entry(interaction: Interaction, entry: AuditEntry, source: DecisionSource) -> ModerationResult:
    """Undo an audit log entry, and trigger updates of the posts. Raises `UserError`."""
    await require_decision_right(interaction, everywhere=entry.guild_id == EVERYWHERE)
    outcome = await interaction.client.store.moderation.decisions.undo_entry(
        entry.guild_id, entry.id, _build_act(interaction, source)
    )
    if outcome is None:
        raise UserError(tr("Nothing to undo."))
    return await _apply_outcome(interaction, outcome)


async def edit_card(
    interaction: Interaction, editable: EditableCard, edit: CardEdit, source: DecisionSource
) -> ModerationResult:
    """Replace what this guild edited of a card, unless somebody else did so meanwhile. Raises `UserError`."""
    require_moderator(interaction)
    if edit == editable.edit:
        raise UserError(tr("Nothing changed."))
    edits, act = interaction.client.store.moderation.edits, _build_act(interaction, source)
    card_id, expected = editable.card.id, editable.audit_id
    outcome = await edits.edit_card(guild_id_of(interaction), card_id, edit, act, expected=expected)
    return await _apply_outcome(interaction, outcome)


async def split_card(interaction: Interaction, card: StoredCard, source: DecisionSource) -> ModerationResult:
    """Take a card out of its story in this guild, and trigger updates of the posts. Raises `UserError`."""
    require_moderator(interaction)
    bot, act = interaction.client, _build_act(interaction, source)
    fresh_since = act.at - bot.settings.max_age
    outcome = await bot.store.moderation.stories.split_card(guild_id_of(interaction), card.id, act, fresh_since)
    return await _apply_story_outcome(interaction, outcome)


async def join_stories(
    interaction: Interaction, card: StoredCard, other: StoredCard, source: DecisionSource
) -> ModerationResult:
    """Make the stories of two cards one in this guild, and trigger updates of the posts. Raises `UserError`."""
    require_moderator(interaction)
    decided = interaction.client.store.moderation.stories
    act = _build_act(interaction, source)
    outcome = await decided.join_stories(guild_id_of(interaction), card.id, other.id, act)
    return await _apply_story_outcome(interaction, outcome)


async def _apply_story_outcome(interaction: Interaction, outcome: StoryOutcome) -> ModerationResult:
    if outcome.refusal:
        raise UserError(tr(_STORY_REFUSED[outcome.refusal], most=LARGEST))
    return await _apply_outcome(interaction, DecisionOutcome(True, outcome.entry, outcome.changed))


_STORY_REFUSED = {
    StoryRefusal.GONE: GONE,
    StoryRefusal.WITHDRAWN: tr_noop("A card that is withdrawn tells no story. Publish it first."),
    StoryRefusal.ALONE: tr_noop("This card is alone in its story already."),
    StoryRefusal.SAME: tr_noop("These cards are in one story already."),
    StoryRefusal.TOO_LARGE: tr_noop("Together these stories have more than {most} cards, which is too many for one."),
}


async def load_cards(interaction: Interaction, card_ids: Iterable[int]) -> list[StoredCard]:
    """Return those of the cards that are still there. Raises `UserError` if none is."""
    repository, guild_id = interaction.client.store.cards, guild_id_of(interaction)
    found = [await repository.get_card(card_id, guild_id, hidden=True) for card_id in card_ids]
    cards = [card for card in found if card]
    if not cards:
        raise UserError(tr(GONE))
    return cards


async def act_on_each(
    cards: Sequence[StoredCard], act: Callable[[StoredCard], Awaitable[ModerationResult]]
) -> tuple[list[ModerationResult], list[str]]:
    """Act on cards one after another, and return the results and the problems; a conflict on one stops no other.

    Of several cards the problem names its card.
    """
    results: list[ModerationResult] = []
    problems: list[str] = []
    for card in cards:
        try:
            results.append(await act(card))
        except UserError as error:
            title = fit_escaped(format_headline(card.card), _TITLE)
            problems.append(f"**{title}**: {error}" if len(cards) > 1 else str(error))
    return results, problems


async def list_destinations(interaction: Interaction, cards: Sequence[StoredCard]) -> list[int]:
    """Return the channels of the subscriptions that match any of these cards, each once."""
    store, guild_id = interaction.client.store, guild_id_of(interaction)
    topics = await store.cards.fetch_topics_of(cards, guild_id)
    languages = await store.cards.fetch_languages([card.id for card in cards])
    channels = [
        each.channel_id
        for each in await store.subscriptions.list_for_guild(guild_id)
        if any(matches_options(card.card, each.options, topics[card.id], languages[card.id]) for card in cards)
    ]
    return list(dict.fromkeys(channels))


def parse_topics(typed: str) -> tuple[str, ...]:
    """Parse the topics of a card or a feed. Raises `UserError` if there are too many, or one is too long."""
    names = tuple(split_topics(typed))
    if len(names) > MAX_TOPICS or any(len(name) > MAX_TOPIC_LENGTH for name in names):
        limits = tr(
            "A card can have up to {most} topics of up to {length} characters each.",
            most=MAX_TOPICS,
            length=MAX_TOPIC_LENGTH,
        )
        raise UserError(limits)
    return names


def build_undo_button(entry_ids: Sequence[int], *, is_redo: bool = False) -> discord.ui.Button[Any]:
    """Build the button that undoes audit log entries; it is `bot.ui.review_message.UndoButton` when it is clicked.

    `is_redo`: the entries are themselves an undo.
    """
    act, label, emoji = ("redo", tr("Redo"), "↪️") if is_redo else ("undo", tr("Undo"), "↩️")
    return discord.ui.Button(label=label, emoji=emoji, custom_id=f"nd:{act}:{','.join(map(str, entry_ids))}")


def _build_act(interaction: Interaction, source: DecisionSource) -> ModerationAct:
    return ModerationAct(interaction.user.id, interaction.client.clock(), source)


async def _apply_outcome(interaction: Interaction, outcome: DecisionOutcome) -> ModerationResult:
    if not outcome.accepted or outcome.entry is None:
        raise UserError(conflict_text(outcome.entry))
    note = await _write_back_file(interaction, outcome.entry)
    changed = outcome.changed | {outcome.entry.card_id}
    await interaction.client.pipeline.plan_cards(changed, outcome.entry.guild_id)
    return ModerationResult(outcome.entry, note)


async def _write_back_file(interaction: Interaction, entry: AuditEntry) -> str:
    """Write an owner's decision back to the card's file, if configured.

    The decision is valid even if the file cannot be written; the returned note reports that.
    """
    bot = interaction.client
    # Only the leader has the folder, so this process asks it, and knows only from the store whether it writes back.
    published, leader = _published_value(entry), await bot.store.leader.get_state()
    if published is None or not leader or not leader.writes_back or not await bot.is_owner(interaction.user):
        return ""
    payload = {"card_id": entry.card_id, "published": published}
    request_id = await bot.pipeline.requests.add_request(RequestKind.WRITE_BACK, payload, interaction.user.id)
    try:
        if await bot.pipeline.requests.wait_for_result(request_id, _WRITTEN_WITHIN) is None:
            return tr("Decision saved. The card's file hasn't been changed yet: the loader is busy.")
    except UserError as error:
        return tr("Decision saved, but the card's file wasn't changed.") + f" {error}"
    return ""


def _published_value(entry: AuditEntry) -> bool | None:
    """Return whether an entry publishes the card; for an undone decision, the state before it."""
    if entry.subject is not AuditSubject.VERDICT:
        return None
    if entry.after:
        return entry.after == Verdict.PUBLISH
    return entry.before == Verdict.WITHDRAW if entry.before else None


async def _reject_no_op(
    interaction: Interaction, card: StoredCard, verdict: Verdict, *, everywhere: bool, picked: bool
) -> None:
    if card.card.state is CardState.WITHDRAWN and card.ruling is not Verdict.WITHDRAW:
        raise UserError(tr("This card was withdrawn by its source, for every server."))
    if card.card.state is CardState.WITHDRAWN and not everywhere:
        raise UserError(tr("The bot's owners withdrew this card everywhere."))
    # Without a decision of its own the scope has the state of the file.
    own = card.ruling if everywhere else card.verdict
    known = own or Verdict.from_state(card.card.state)
    if known is verdict and not picked and not await _is_reported(interaction, card):
        raise UserError(tr((_EVERYWHERE_ALREADY if everywhere else _HERE_ALREADY)[verdict]))


async def _is_reported(interaction: Interaction, card: StoredCard) -> bool:
    """A reported card may be published again: that resolves the report."""
    return bool(await interaction.client.store.moderation.reports.list_open(guild_id_of(interaction), [card.id]))
