"""Lists in one message: cards, related stories, topics, subscriptions; and card names for choices."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.cards.model import RelatedArticle
from bot.domain.heat import count_other_publishers
from bot.domain.search_query import Phrase
from bot.domain.trends import is_rising
from bot.i18n import format_number, tr, trn
from bot.render.card import SEPARATOR, coverage_text, format_headline, link_target, render_card
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.fit_lines import fit_lines, format_story
from bot.render.limits import (
    CHOICE_NAME,
    EMBED_DESCRIPTION,
    EMBED_TITLE,
    EMBED_TOTAL,
    EMBEDS,
    URL,
    count_total,
    count_units,
)
from bot.render.markdown import cut_text, fit_escaped, fit_link
from bot.store.cards.rows import StoredCard
from bot.store.cards.trends import TopicTrend


def render_card_list(
    cards: Sequence[StoredCard],
    pictures: str | None,
    *,
    first: int = 1,
    notes: Sequence[str] = (),
    phrases: Sequence[Phrase] = (),
) -> list[discord.Embed]:
    """Render up to 10 cards for one message, numbered from `first`; a single one in full. `notes` are per card.

    The cards share the message's text limit: room that short ones leave goes to long ones. Excerpts are chosen around
    the phrases `phrases` by a search.
    """
    shown = list(cards[:EMBEDS])
    remarks = [*notes[:EMBEDS], *[""] * (EMBEDS - len(notes))]
    if len(shown) == 1:
        return [render_card(shown[0], pictures, note=remarks[0], phrases=phrases)]

    def render_at(place: int, budget: int) -> discord.Embed:
        note, at = remarks[place], first + place
        return render_card(shown[place], pictures, compact=True, number=at, note=note, budget=budget, phrases=phrases)

    # At full length first: only those above their share are rendered a second time.
    embeds = [render_at(place, EMBED_TOTAL) for place in range(len(shown))]
    share = fair_share([count_total([embed]) for embed in embeds], EMBED_TOTAL)
    return _separate_embeds(
        [embed if count_total([embed]) <= share else render_at(at, share) for at, embed in enumerate(embeds)]
    )


def fair_share(sizes: Sequence[int], available: int) -> int:
    """Return the cap on each size with which the total fits."""
    # Smallest first: what they leave of their share is divided among the larger ones.
    for place, size in enumerate(sorted(sizes)):
        if size * (len(sizes) - place) > available:
            return available // (len(sizes) - place)
        available -= size
    return max(sizes, default=available)


def _separate_embeds(embeds: list[discord.Embed]) -> list[discord.Embed]:
    """Give every embed a distinct URL: Discord merges embeds with the same one."""
    taken: set[str] = set()
    for place, embed in enumerate(embeds, start=1):
        if embed.url in taken:
            _make_url_distinct(embed, f"{embed.url}#{place}", spare=EMBED_TOTAL - count_total(embeds))
        taken.add(embed.url or "")
    return embeds


def _make_url_distinct(embed: discord.Embed, distinct: str, spare: int) -> None:
    """Add a fragment, which leads to the same page; a URL that already has one moves below the text instead."""
    original = embed.url or ""
    embed.url = distinct if "#" not in original and len(distinct) <= URL else None
    text = embed.description or ""
    opener = fit_link(tr("Open"), original, min(spare, EMBED_DESCRIPTION - count_units(text)) - 1)
    if embed.url is None and opener:
        embed.description = f"{text}\n{opener}".strip()


RISING = "📈"


def render_topics(topics: Sequence[TopicTrend]) -> discord.Embed:
    """List topics with their total and new cards, marking rising ones (`bot.domain.trends`)."""
    text = fit_lines(topics, _topic_line, EMBED_DESCRIPTION) or tr("No topics yet.")
    embed = discord.Embed(title=tr("Topics"), description=text, colour=NEUTRAL)
    if any(is_rising(topic.recent, topic.before) for topic in topics):
        embed.set_footer(text=f"{RISING} {tr('many more in the last 7 days than in the 7 before')}")
    return embed


def _topic_line(topic: TopicTrend, room: int) -> str:
    count = f" · {trn('{count} card', '{count} cards', topic.count)}"
    if topic.recent == topic.count:
        count = f" · {trn('{count} card in 7 days', '{count} cards in 7 days', topic.count)}"
    elif topic.recent:
        count += f" · {tr('{count} in 7 days', count=format_number(topic.recent))}"
    count += f" {RISING}" if is_rising(topic.recent, topic.before) else ""
    name = fit_escaped(" ".join(topic.name.split()), min(room - count_units(count), 100) - 4)
    return f"**{name}**{count}" if name else ""


def format_others(stored: StoredCard, members: Sequence[StoredCard]) -> str:
    """Say how many others have a card's story, as plain text; empty if nobody has."""
    story = sorted([stored, *members], key=lambda each: each.id)
    if publishers := count_other_publishers(stored.card, (each.card for each in story)):
        return trn("+{count} more publisher", "+{count} more publishers", publishers)
    return trn("+{count} more card", "+{count} more cards", len(members)) if members else ""


def render_related(stored: StoredCard, members: Sequence[StoredCard] = ()) -> discord.Embed:
    """List the other versions of a card's story, numbered, as many as fit: `members` are cards, others only links."""
    card = stored.card
    urls = {member.card.url for member in members}
    versions = [*map(_version_of, members), *(each for each in card.related if each.url not in urls)]
    title = fit_escaped(format_headline(card), EMBED_TITLE) or None
    embed = discord.Embed(title=title, url=link_target(card), colour=topic_colour(card.topics))
    numbered = list(enumerate(versions, start=1))
    text = fit_lines(numbered, lambda entry, room: _numbered_story(*entry, room=room), EMBED_DESCRIPTION)
    if numbered:
        embed.set_author(name=coverage_text(len(numbered)))
    embed.description = text or tr("No other publisher covers this story yet.")
    return embed


def _version_of(member: StoredCard) -> RelatedArticle:
    card = member.card
    return RelatedArticle(card.title, card.url or "", card.provider.name if card.provider else "")


def _numbered_story(place: int, related: RelatedArticle, *, room: int) -> str:
    head = f"{place}. "
    words = format_story(related, room - count_units(head))
    return head + words if words else ""


def format_choice(stored: StoredCard) -> str:
    """Return title and provider as plain text: Discord does not render Markdown in choices."""
    provider = cut_text(" ".join(stored.card.provider.name.split()), 30) if stored.card.provider else ""
    behind = f"{SEPARATOR}{provider}" if provider else ""
    return cut_text(" ".join(stored.card.title.split()), CHOICE_NAME - count_units(behind)) + behind
