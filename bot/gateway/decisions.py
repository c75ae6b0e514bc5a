"""Moderation actions on a card, from commands and buttons: check permission, apply once, report the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.cards.model import State
from bot.desk.publication import EVERYWHERE, Decision, Source, Verdict
from bot.errors import UserError
from bot.gateway.operators import require_operator
from bot.gateway.rights import guild_id, require_moderator
from bot.language import marked, tr
from bot.leading import RequestKind
from bot.render.desk import beaten_text
from bot.store.desk import Act, Outcome
from bot.store.log import Entry, Subject
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

    Interaction = discord.Interaction[NewsBot]

REASON = 400
"""Maximum characters of a reason."""
MOST_TOPICS, TOPIC = 10, 50
LETTERS = {Verdict.PUBLISH: "p", Verdict.WITHDRAW: "w", None: "-"}
"""A verdict as encoded in a `custom_id`; `-` for none."""
_WRITTEN_WITHIN = 10.0
"""Seconds to wait for the card's file to be written before the reply says that it is still pending."""
VERDICTS = {letter: verdict for verdict, letter in LETTERS.items()}
_HERE_ALREADY = {
    Verdict.PUBLISH: marked("This card is published here already."),
    Verdict.WITHDRAW: marked("This card is withdrawn here already."),
}
_EVERYWHERE_ALREADY = {
    Verdict.PUBLISH: marked("This card is published everywhere already."),
    Verdict.WITHDRAW: marked("This card is withdrawn everywhere already."),
}


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of an action. `note` is additional information for the person."""

    entry: Entry
    note: str = ""


async def require_say(interaction: Interaction, *, everywhere: bool = False) -> None:
    """Raise unless the person may decide now: for their guild, or as an owner for `everywhere`."""
    if everywhere:
        await require_operator(interaction)
    else:
        require_moderator(interaction)


async def decide(
    interaction: Interaction,
    card: FiledCard,
    verdict: Verdict,
    *,
    expected: Verdict | None,
    source: Source,
    reason: str = "",
    only: Sequence[int] | None = None,
    everywhere: bool = False,
) -> Done:
    """Decide on a card for this guild or everywhere, and trigger updates of its posts. Raises `UserError`."""
    await require_say(interaction, everywhere=everywhere)
    bot, server = interaction.client, EVERYWHERE if everywhere else guild_id(interaction)
    standing = card.ruling if everywhere else card.verdict
    if standing is not expected:
        raise UserError(beaten_text(await bot.store.log.last(server, card.id, Subject.VERDICT)))
    await _refuse_pointless(interaction, card, verdict, everywhere=everywhere, picked=only is not None)
    picked = tuple(only) if only is not None else None
    decision = Decision(server, card.id, verdict, interaction.user.id, bot.clock(), reason, picked)
    return await _followed(interaction, await bot.store.desk.decide(decision, source=source, expected=expected))


async def undo(interaction: Interaction, entry: Entry, source: Source) -> Done:
    """Undo an audit log entry, and trigger updates of the posts. Raises `UserError`."""
    await require_say(interaction, everywhere=entry.guild_id == EVERYWHERE)
    outcome = await interaction.client.store.desk.undo(entry.guild_id, entry.id, _act(interaction, source))
    if outcome is None:
        raise UserError(tr("There is nothing to take back."))
    return await _followed(interaction, outcome)


async def set_topics(interaction: Interaction, card: FiledCard, typed: str, expected: Sequence[str] | None) -> Done:
    """Override a card's topics in this guild; empty input restores the file's. Raises `UserError`."""
    require_moderator(interaction)
    names = list(dict.fromkeys(name for piece in typed.split(",") if (name := " ".join(piece.split()))))
    if len(names) > MOST_TOPICS or any(len(name) > TOPIC for name in names):
        limits = tr(
            "A card has at most {most} topics of at most {length} characters each.", most=MOST_TOPICS, length=TOPIC
        )
        raise UserError(limits)
    desk, act = interaction.client.store.desk, _act(interaction, Source.BUTTON)
    outcome = await desk.edit_topics(guild_id(interaction), card.id, names, act, expected=expected)
    return await _followed(interaction, outcome)


def _act(interaction: Interaction, source: Source) -> Act:
    return Act(interaction.user.id, interaction.client.clock(), source)


async def _followed(interaction: Interaction, outcome: Outcome) -> Done:
    if not outcome.taken or outcome.entry is None:
        raise UserError(beaten_text(outcome.entry))
    note = await _write_back(interaction, outcome.entry)
    await interaction.client.newsroom.plan()
    return Done(outcome.entry, note)


async def _write_back(interaction: Interaction, entry: Entry) -> str:
    """Write an owner's decision back to the card's file, if configured.

    The decision is valid even if the file cannot be written; the returned note reports that.
    """
    bot = interaction.client
    published, leader = _published(entry), await bot.store.leader.state()
    if published is None or not leader or not leader.writes_back or not await bot.is_owner(interaction.user):
        return ""
    payload = {"card_id": entry.card_id, "published": published}
    request_id = await bot.newsroom.request(RequestKind.WRITE_BACK, payload, interaction.user.id)
    try:
        if await bot.newsroom.requests.result(request_id, _WRITTEN_WITHIN) is None:
            return tr("The decision stands. Its file has not been changed yet: the process that can do so is busy.")
    except UserError as error:
        return f"{tr('The decision stands, but its file was not changed.')} {error}"
    return ""


def _published(entry: Entry) -> bool | None:
    """Return whether an entry publishes the card; for an undone decision, the state it had replaced."""
    if entry.subject is not Subject.VERDICT:
        return None
    if entry.after:
        return entry.after == Verdict.PUBLISH
    return entry.before == Verdict.WITHDRAW if entry.before else None


async def _refuse_pointless(
    interaction: Interaction, card: FiledCard, verdict: Verdict, *, everywhere: bool, picked: bool
) -> None:
    if card.card.state is State.WITHDRAWN and card.ruling is not Verdict.WITHDRAW:
        raise UserError(tr("This card was withdrawn by its source, which binds every server."))
    if card.card.state is State.WITHDRAWN and not everywhere:
        raise UserError(tr("The bot's owners withdrew this card everywhere."))
    own = card.ruling if everywhere else card.verdict
    known = own or Verdict.of_state(card.card.state)
    if known is verdict and not picked and not await _is_reported(interaction, card):
        raise UserError(tr((_EVERYWHERE_ALREADY if everywhere else _HERE_ALREADY)[verdict]))


async def _is_reported(interaction: Interaction, card: FiledCard) -> bool:
    """A reported card may be published again: that resolves the report."""
    return bool(await interaction.client.store.flags.open(guild_id(interaction), card.id))
