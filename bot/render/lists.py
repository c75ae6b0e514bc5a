"""Lists in one message: cards, related stories, topics, subscriptions; and card names for choices."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.cards.model import Related
from bot.desk.trend import rises
from bot.desk.wording import Phrase
from bot.language import number, tr, trn
from bot.render.card import SEPARATOR, address, also_covered, card_embed, headline
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.limits import CHOICE_NAME, EMBED_DESCRIPTION, EMBED_TITLE, EMBED_TOTAL, EMBEDS, URL, total, units
from bot.render.listing import listed, story
from bot.render.markdown import cut, fitted, fitted_link
from bot.store.records import FiledCard
from bot.store.trends import TopicTrend


def card_list(
    cards: Sequence[FiledCard],
    pictures: str | None,
    *,
    first: int = 1,
    notes: Sequence[str] = (),
    found: Sequence[Phrase] = (),
) -> list[discord.Embed]:
    """Render up to 10 cards for one message, numbered from `first`; a single one in full. `notes` are per card.

    The cards share the message's text limit: room that short ones leave goes to long ones. Excerpts are chosen around
    the phrases `found` by a search.
    """
    shown = list(cards[:EMBEDS])
    remarks = [*notes[:EMBEDS], *[""] * (EMBEDS - len(notes))]
    if len(shown) == 1:
        return [card_embed(shown[0], pictures, note=remarks[0], found=found)]

    def render(place: int, budget: int) -> discord.Embed:
        note, at = remarks[place], first + place
        return card_embed(shown[place], pictures, compact=True, number=at, note=note, budget=budget, found=found)

    embeds = [render(place, EMBED_TOTAL) for place in range(len(shown))]
    share = fair_share([total([embed]) for embed in embeds], EMBED_TOTAL)
    return _apart([embed if total([embed]) <= share else render(at, share) for at, embed in enumerate(embeds)])


def fair_share(sizes: Sequence[int], available: int) -> int:
    """Return the cap on each size with which the total fits."""
    for place, size in enumerate(sorted(sizes)):
        if size * (len(sizes) - place) > available:
            return available // (len(sizes) - place)
        available -= size
    return max(sizes, default=available)


def _apart(embeds: list[discord.Embed]) -> list[discord.Embed]:
    """Give every embed a distinct URL: Discord merges embeds with the same one."""
    taken: set[str] = set()
    for place, embed in enumerate(embeds, start=1):
        if embed.url in taken:
            _readdress(embed, f"{embed.url}#{place}", spare=EMBED_TOTAL - total(embeds))
        taken.add(embed.url or "")
    return embeds


def _readdress(embed: discord.Embed, distinct: str, spare: int) -> None:
    """Add a fragment, which leads to the same page; a URL that already has one moves below the text instead."""
    original = embed.url or ""
    embed.url = distinct if "#" not in original and len(distinct) <= URL else None
    text = embed.description or ""
    opener = fitted_link(tr("Open"), original, min(spare, EMBED_DESCRIPTION - units(text)) - 1)
    if embed.url is None and opener:
        embed.description = f"{text}\n{opener}".strip()


RISING = "📈"


def topics_embed(topics: Sequence[TopicTrend]) -> discord.Embed:
    """List topics with their total and new cards, marking rising ones (`bot.desk.trend`)."""
    text = listed(topics, _topic, EMBED_DESCRIPTION) or tr("There are no topics yet.")
    embed = discord.Embed(title=tr("Topics"), description=text, colour=NEUTRAL)
    if any(rises(topic.recent, topic.before) for topic in topics):
        embed.set_footer(text=f"{RISING} {tr('clearly more in the last 7 days than in the 7 before')}")
    return embed


def _topic(topic: TopicTrend, room: int) -> str:
    count = f" · {trn('{count} card', '{count} cards', topic.count)}"
    count += f" · {tr('{count} in 7 days', count=number(topic.recent))}" if topic.recent else ""
    count += f" {RISING}" if rises(topic.recent, topic.before) else ""
    name = fitted(" ".join(topic.name.split()), min(room - units(count), 100) - 4)
    return f"**{name}**{count}" if name else ""


def related_embed(filed: FiledCard) -> discord.Embed:
    """List the other versions of a card's story, numbered, as many as fit."""
    card = filed.card
    title = fitted(headline(card), EMBED_TITLE) or None
    embed = discord.Embed(title=title, url=address(card), colour=topic_colour(card.topics))
    numbered = list(enumerate(card.related, start=1))
    text = listed(numbered, lambda entry, room: _numbered(*entry, room=room), EMBED_DESCRIPTION)
    embed.set_author(name=also_covered(len(numbered)))
    embed.description = text or tr("No other publisher covers this story yet.")
    return embed


def _numbered(place: int, related: Related, *, room: int) -> str:
    head = f"{place}. "
    words = story(related, room - units(head))
    return head + words if words else ""


def choice_name(filed: FiledCard) -> str:
    """Return title and provider as plain text: Discord does not render Markdown in choices."""
    provider = cut(" ".join(filed.card.provider.name.split()), 30) if filed.card.provider else ""
    behind = f"{SEPARATOR}{provider}" if provider else ""
    return cut(" ".join(filed.card.title.split()), CHOICE_NAME - units(behind)) + behind
