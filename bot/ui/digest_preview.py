"""Previews of a subscription: the next digest, the last month, and why a card is or is not included."""

from __future__ import annotations

import io
from typing import Any

import discord

from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.domain.digest_selection import SelectionOutcome
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from bot.errors import UserError
from bot.i18n import format_short_date, override_language, tr
from bot.render.chart import describe_counts, draw_bar_chart
from bot.render.digest import render_digest
from bot.render.explanations import arrival_text, matches_line, outcome_text, outcomes_line
from bot.render.layouts import LAYOUTS
from bot.render.subscriptions import render_whatif
from bot.store.cards.rows import StoredCard
from bot.ui.views import build_list_view
from bot.worker.digest_preview import LOOK_BACK, DigestPreview

Reply = dict[str, Any]
CHART = "whatif.png"


async def build_preview_reply(interaction: Interaction, subscription: Subscription) -> Reply:
    """Preview the next digest; for an instant subscription, the best card that it would have posted."""
    options, bot = subscription.options, interaction.client
    preview = await bot.pipeline.previewer.preview_digest(subscription)
    pictures = bot.settings.asset_base_url
    if options.frequency is Frequency.INSTANT:
        return _build_instant_reply(subscription, preview, pictures)
    looked_at = f"-# {outcomes_line(preview.selection.outcomes)}"
    if not preview.cards:
        return {"content": f"{tr('There is nothing new for it at the moment.')}\n{looked_at}"}
    layout = LAYOUTS[options.layout]
    # A long digest is several messages; its first one shows how it looks.
    first, *_ = layout.split_cards([layout.measure_card(card) for card in preview.cards])
    with override_language(subscription.language):
        message = render_digest(preview.cards[:first], options.layout, pictures, heading=preview.heading)
    return {"content": f"{message.content}\n{looked_at}", "embeds": list(message.embeds)}


def _build_instant_reply(subscription: Subscription, preview: DigestPreview, pictures: str | None) -> Reply:
    matching = matches_line(preview.selection.outcomes, LOOK_BACK.days)
    if not preview.cards:
        return {"content": matching}
    with override_language(subscription.language):
        message = render_digest(preview.cards[:1], Layout.CARD, pictures, mention=subscription.options.mention_role_id)
    above = f"{message.content} " if message.content else ""
    content = f"{above}{tr('Each card comes like this one.')}\n-# {matching}"
    return {"content": content, "embeds": list(message.embeds)}


async def build_why_reply(interaction: Interaction, subscription: Subscription, card: StoredCard) -> str:
    """Explain why the channel got a card, or what excludes it."""
    store = interaction.client.store
    # What was delivered has its reason stored; anything else is predicted from the state of now.
    if arrived := await store.outbox.digests.find_reason(subscription.channel_id, card.id):
        return arrival_text(*arrived)
    if subscription.paused:
        return tr("The subscription is paused. Resume with `/digest resume`.")
    outcome = await interaction.client.pipeline.previewer.predict_outcome(subscription, card)
    if subscription.options.frequency is Frequency.INSTANT and outcome in (
        SelectionOutcome.SELECTED,
        SelectionOutcome.OUTRANKED,
        SelectionOutcome.PROVIDER_LIMIT,
    ):
        outcome = SelectionOutcome.NOT_NEW  # an instant subscription has already taken all that it will
    return outcome_text(outcome)


async def build_whatif_reply(interaction: Interaction, options: SubscriptionOptions) -> Reply:
    """Simulate the settings over the last 30 days: a chart by day, and the newest cards."""
    bot = interaction.client
    past = await bot.pipeline.previewer.simulate_options(guild_id_of(interaction), options)
    if not past.cards:
        raise UserError(tr("Nothing in the last 30 days matches. Try fewer limits, or look at `/topics`."))
    labels = [format_short_date(day) for day, _ in past.days]
    counts = [count for _, count in past.days]
    chart = draw_bar_chart(counts, labels, title=tr("Cards a day"))
    file = discord.File(io.BytesIO(chart), CHART, description=describe_counts(counts, labels))
    return {
        "embed": render_whatif(options, past, f"attachment://{CHART}"),
        "file": file,
        "view": build_list_view(past.cards[:5], ()),
    }
