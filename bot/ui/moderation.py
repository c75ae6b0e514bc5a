"""Moderation actions on a card, from commands and buttons: check permission, apply once, report the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.cards.model import CardState
from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of, require_moderator
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.render.moderation import conflict_text
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditEntry, AuditSubject
from bot.store.moderation.decisions import DecisionOutcome, ModerationAct
from bot.ui.autocomplete import split_topics
from bot.ui.owner_actions import require_owner
from bot.worker.requests import RequestKind

REASON = 400
"""Maximum characters of a reason."""
MAX_TOPICS, MAX_TOPIC_LENGTH = 10, 50
LETTERS = {Verdict.PUBLISH: "p", Verdict.WITHDRAW: "w", None: "-"}
"""A verdict as encoded in a `custom_id`; `-` for none."""
_WRITTEN_WITHIN = 10.0
"""Seconds to wait for the card's file to be written before the reply says that it is still pending."""
VERDICTS = {letter: verdict for verdict, letter in LETTERS.items()}
_HERE_ALREADY = {
    Verdict.PUBLISH: tr_noop("This card is published here already."),
    Verdict.WITHDRAW: tr_noop("This card is withdrawn here already."),
}
_EVERYWHERE_ALREADY = {
    Verdict.PUBLISH: tr_noop("This card is published everywhere already."),
    Verdict.WITHDRAW: tr_noop("This card is withdrawn everywhere already."),
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
    return await _apply_outcome(
        interaction, await bot.store.moderation.decisions.decide_card(decision, source=source, expected=expected)
    )


async def undo_entry(interaction: Interaction, entry: AuditEntry, source: DecisionSource) -> ModerationResult:
    """Undo an audit log entry, and trigger updates of the posts. Raises `UserError`."""
    await require_decision_right(interaction, everywhere=entry.guild_id == EVERYWHERE)
    outcome = await interaction.client.store.moderation.decisions.undo_entry(
        entry.guild_id, entry.id, _build_act(interaction, source)
    )
    if outcome is None:
        raise UserError(tr("There is nothing to take back."))
    return await _apply_outcome(interaction, outcome)


async def set_topics(
    interaction: Interaction, card: StoredCard, typed: str, expected: Sequence[str] | None
) -> ModerationResult:
    """Override a card's topics in this guild; empty input restores the file's. Raises `UserError`."""
    require_moderator(interaction)
    names = split_topics(typed)
    if len(names) > MAX_TOPICS or any(len(name) > MAX_TOPIC_LENGTH for name in names):
        limits = tr(
            "A card has at most {most} topics of at most {length} characters each.",
            most=MAX_TOPICS,
            length=MAX_TOPIC_LENGTH,
        )
        raise UserError(limits)
    decisions, act = interaction.client.store.moderation.decisions, _build_act(interaction, DecisionSource.BUTTON)
    outcome = await decisions.edit_topics(guild_id_of(interaction), card.id, names, act, expected=expected)
    return await _apply_outcome(interaction, outcome)


def _build_act(interaction: Interaction, source: DecisionSource) -> ModerationAct:
    return ModerationAct(interaction.user.id, interaction.client.clock(), source)


async def _apply_outcome(interaction: Interaction, outcome: DecisionOutcome) -> ModerationResult:
    if not outcome.accepted or outcome.entry is None:
        raise UserError(conflict_text(outcome.entry))
    note = await _write_back_file(interaction, outcome.entry)
    await interaction.client.pipeline.plan_cards([outcome.entry.card_id], outcome.entry.guild_id)
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
            return tr("The decision stands. Its file has not been changed yet: the process that can do so is busy.")
    except UserError as error:
        return f"{tr('The decision stands, but its file was not changed.')} {error}"
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
        raise UserError(tr("This card was withdrawn by its source, which binds every server."))
    if card.card.state is CardState.WITHDRAWN and not everywhere:
        raise UserError(tr("The bot's owners withdrew this card everywhere."))
    # Without a decision of its own the scope has the state of the file.
    own = card.ruling if everywhere else card.verdict
    known = own or Verdict.from_state(card.card.state)
    if known is verdict and not picked and not await _is_reported(interaction, card):
        raise UserError(tr((_EVERYWHERE_ALREADY if everywhere else _HERE_ALREADY)[verdict]))


async def _is_reported(interaction: Interaction, card: StoredCard) -> bool:
    """A reported card may be published again: that resolves the report."""
    return bool(await interaction.client.store.moderation.reports.open_reports(guild_id_of(interaction), card.id))
