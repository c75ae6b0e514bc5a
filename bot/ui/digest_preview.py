"""Previews of a subscription: the next digest, the last month, and why a card is or is not included."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import discord

from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.domain.digest_selection import SelectionOutcome
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions, digest_layout
from bot.errors import UserError
from bot.i18n import format_short_date, override_language, tr
from bot.render.chart import describe_counts, draw_bar_chart
from bot.render.digest import format_text, render_digest
from bot.render.explanations import arrival_text, matches_line, outcome_text, outcomes_line
from bot.render.layouts import LAYOUTS
from bot.render.limits import count_units
from bot.render.subscriptions import NEWEST, render_whatif
from bot.store.cards.rows import StoredCard
from bot.ui.magazine import build_magazine
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
        return _build_instant_reply(subscription, preview, pictures, bot.clock())
    considered = outcomes_line(preview.selection.outcomes)
    looked_at = f"\n-# {considered}" if considered else ""
    if not preview.cards:
        return {"content": tr("There's nothing new for it right now.") + looked_at}
    layout = digest_layout(options)
    look = LAYOUTS[layout]
    # A long digest is several messages; its first one shows how it looks.
    first, *_ = look.split_cards([look.measure_card(card) for card in preview.cards])
    cards = preview.cards[:first]
    with override_language(subscription.language):
        text = format_text(
            cards, layout, options, bot.clock(), heading=preview.heading, reserved=count_units(looked_at)
        )
        if layout is Layout.MAGAZINE:
            return {"view": build_magazine(cards, 0, pictures, text=text + looked_at, colour=options.colour)}
        message = render_digest(cards, layout, pictures, colour=options.colour)
    return {"content": text + looked_at, "embeds": list(message.embeds)}


def _build_instant_reply(
    subscription: Subscription, preview: DigestPreview, pictures: str | None, now: datetime
) -> Reply:
    matching = matches_line(preview.selection.outcomes, LOOK_BACK.days)
    if not preview.cards:
        return {"content": matching}
    options, cards = subscription.options, preview.cards[:1]
    below = f"{tr('Each card will look like this.')}\n-# {matching}"
    with override_language(subscription.language):
        text = format_text(cards, Layout.CARD, options, now, reserved=count_units(below) + 1)
        message = render_digest(cards, Layout.CARD, pictures, colour=options.colour)
    return {"content": f"{text} {below}" if text else below, "embeds": list(message.embeds)}


async def build_why_reply(interaction: Interaction, subscription: Subscription, card: StoredCard) -> str:
    """Explain why the channel got a card, or what excludes it."""
    store = interaction.client.store
    # What was delivered has its reason stored; anything else is predicted from the state of now.
    if arrived := await store.outbox.digests.find_reason(subscription.channel_id, card.id):
        return arrival_text(*arrived)
    if subscription.paused:
        return tr("This subscription is paused. Resume with `/digest resume`.")
    outcomes = await interaction.client.pipeline.previewer.predict_outcomes(subscription, card)
    if subscription.options.frequency is Frequency.INSTANT and outcomes[0] in (
        SelectionOutcome.SELECTED,
        SelectionOutcome.OUTRANKED,
        SelectionOutcome.PROVIDER_LIMIT,
    ):
        outcomes = [SelectionOutcome.NOT_NEW]  # an instant subscription has already taken all that it will
    return " ".join(map(outcome_text, outcomes))


async def build_whatif_reply(interaction: Interaction, options: SubscriptionOptions) -> Reply:
    """Simulate the settings over the last 30 days: a chart by day, and the newest cards."""
    bot = interaction.client
    past = await bot.pipeline.previewer.simulate_options(guild_id_of(interaction), options)
    if not past.cards:
        raise UserError(tr("Nothing in the last 30 days matches. Try fewer filters, or see `/topics`."))
    labels = [format_short_date(day) for day, _ in past.days]
    counts = [count for _, count in past.days]
    chart = draw_bar_chart(counts, labels, title=tr("Cards a day"))
    file = discord.File(io.BytesIO(chart), CHART, description=describe_counts(counts, labels))
    return {
        "embed": render_whatif(options, past, f"attachment://{CHART}"),
        "file": file,
        "view": build_list_view(past.cards[:NEWEST], ()),
    }
