"""A card as an embed: in full for a post, compact for a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

from bot.cards.fingerprint import RELATED_SHOWN
from bot.cards.model import Card, Provider
from bot.cards.urls import resolve_asset_url
from bot.domain.heat import COVERAGE_STEPS, coverage_step
from bot.domain.search_query import Phrase
from bot.i18n import tr, trn
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.fit_lines import fit_lines, format_story
from bot.render.limits import EMBED_AUTHOR, EMBED_DESCRIPTION, EMBED_TITLE, EMBED_TOTAL, FIELD_VALUE, URL, count_units
from bot.render.markdown import fit_escaped, fit_plain
from bot.render.search_snippet import make_snippet
from bot.store.cards.rows import StoredCard

COMPACT_EXCERPT = 200
_COMPACT_AUTHOR = 80
_TOPICS = 256
_NOTE = 300
VIDEO_MARK = "▶ "
SEPARATOR = " · "


def render_card(
    stored: StoredCard,
    pictures: str | None,
    *,
    compact: bool = False,
    number: int | None = None,
    note: str = "",
    budget: int = EMBED_TOTAL,
    phrases: Sequence[Phrase] = (),
) -> discord.Embed:
    """Render a card. `pictures` is the base URL of site-relative images, `note` a line for moderators.

    `budget` bounds the total text; if it is short, the title is kept first and the excerpt is cut first. The excerpt
    is chosen around the phrases `phrases` by a search.
    """
    card = stored.card
    embed = discord.Embed(colour=topic_colour(card.topics), timestamp=card.published_at)
    text_budget = _TextBudget(budget)
    # In order of importance, not of appearance: each part takes what the ones before it left.
    _add_title(embed, card, text_budget)
    # A note under a card of a list says who else has its story.
    coverage = "" if compact and note else publishers_text(stored.publishers)
    limit = _COMPACT_AUTHOR if compact else EMBED_AUTHOR
    _add_author(embed, card.provider, number, coverage, pictures, text_budget, limit)
    note_text = text_budget.write_framed("**", fit_escaped, " ".join(note.split()), _NOTE)
    _add_topics(embed, card, text_budget)
    also = _count_coverage(card, text_budget) if compact else _list_coverage(embed, card, text_budget)
    embed.description = _build_description(note_text, card.excerpt.strip(), also, compact, text_budget, phrases)
    _add_picture(embed, card, pictures, compact)
    return embed


class _TextBudget:
    """Text budget of an embed."""

    def __init__(self, remaining: int) -> None:
        self.remaining = remaining

    def write_text(self, form: Callable[[str, int], str], text: str, limit: int) -> str:
        written = form(text, min(limit, self.remaining))
        self.remaining -= count_units(written)
        return written

    def write_framed(self, frame: str, form: Callable[[str, int], str], text: str, limit: int) -> str:
        """Write the text between two marks, or nothing at all."""
        written = form(text, min(limit, self.remaining - 2 * len(frame)))
        framed = f"{frame}{written}{frame}" if written else ""
        self.remaining -= count_units(framed)
        return framed


def _add_title(embed: discord.Embed, card: Card, budget: _TextBudget) -> None:
    embed.title = budget.write_text(fit_escaped, format_headline(card), EMBED_TITLE) or None
    embed.url = link_target(card)


def format_headline(card: Card) -> str:
    """Return the title on one line, with a marker for videos."""
    return (VIDEO_MARK if card.type == "video" else "") + " ".join(card.title.split())


def link_target(card: Card) -> str | None:
    """Return the URL for the title, if Discord accepts it."""
    return card.url if card.url and len(card.url) <= URL else None


def _add_author(
    embed: discord.Embed,
    provider: Provider | None,
    number: int | None,
    coverage: str,
    pictures: str | None,
    budget: _TextBudget,
    limit: int,
) -> None:
    parts = [str(number)] if number is not None else []
    parts += [provider.name] if provider and provider.name.strip() else []
    room = limit - count_units(SEPARATOR + coverage) if coverage else limit
    parts = list(filter(None, (fit_plain(SEPARATOR.join(parts), room), coverage)))
    if name := budget.write_text(fit_plain, SEPARATOR.join(parts), limit):
        icon = resolve_asset_url(provider.icon, pictures) if provider and provider.icon else None
        embed.set_author(name=name, icon_url=icon)


def publishers_text(publishers: int) -> str:
    """Say how many publishers have a story, in steps; empty if it has but one."""
    step = coverage_step(publishers)
    if not step:
        return ""
    # Between the first two steps there is no other number.
    return tr("{count} publishers", count=step) if step == COVERAGE_STEPS[0] else tr("{count}+ publishers", count=step)


def _add_topics(embed: discord.Embed, card: Card, budget: _TextBudget) -> None:
    if topics := budget.write_text(fit_plain, SEPARATOR.join(card.topics), _TOPICS):
        embed.set_footer(text=topics)


def format_topics_line(card: Card) -> str:
    """Return the topics line of a full embed."""
    return fit_plain(SEPARATOR.join(card.topics), _TOPICS)


def parse_topics_line(line: str) -> list[str]:
    """Parse the topics from such a line; empty if it was too long to list them all."""
    return [] if line.endswith("…") else [topic for topic in line.split(SEPARATOR) if topic]


def _list_coverage(embed: discord.Embed, card: Card, budget: _TextBudget) -> str:
    also = tr("Also covered by")
    room = min(FIELD_VALUE, budget.remaining - count_units(also))
    if stories := fit_lines(card.related, format_story, room, at_most=RELATED_SHOWN):
        embed.add_field(name=also, value=stories, inline=False)
        budget.remaining -= count_units(also) + count_units(stories)
    return ""


def _count_coverage(card: Card, budget: _TextBudget) -> str:
    others = len(card.related)
    words = coverage_text(others) if others else ""
    return budget.write_framed(
        "*", lambda text, room: text if count_units(text) <= room else "", words, count_units(words)
    )


def coverage_text(others: int) -> str:
    """Return the number of other publishers that cover the story, as text."""
    return trn("Also covered by {count} other", "Also covered by {count} others", others)


def _build_description(
    note_text: str, excerpt: str, also: str, compact: bool, budget: _TextBudget, phrases: Sequence[Phrase]
) -> str | None:
    breaks = 2
    room = min(EMBED_DESCRIPTION - count_units(note_text) - count_units(also), budget.remaining) - breaks
    words = make_snippet(excerpt, phrases, min(room, COMPACT_EXCERPT) if compact else room)
    lines = [line for line in (note_text, words, also) if line]
    while count_units("\n".join(lines)) > budget.remaining + count_units(note_text) + count_units(also):
        lines.pop()  # the budget does not even allow the line breaks
    return "\n".join(lines) or None


def _add_picture(embed: discord.Embed, card: Card, pictures: str | None, compact: bool) -> None:
    if picture := resolve_asset_url(card.image.url, pictures) if card.image else None:
        (embed.set_thumbnail if compact else embed.set_image)(url=picture)


def render_unpublished() -> discord.Embed:
    """Return the placeholder for a card that is currently unpublished, without any of its content."""
    return discord.Embed(description="*" + tr("This card isn't published right now.") + "*", colour=NEUTRAL)


def render_withdrawn() -> discord.Embed:
    """Return the note for a withdrawn card, in channels that prefer it to deletion."""
    return discord.Embed(description=f"*{tr('This card was withdrawn.')}*", colour=NEUTRAL)


def strip_pictures(embed: discord.Embed) -> discord.Embed:
    """Return the embed without image, thumbnail and icon, for a message whose images Discord rejected."""
    bare = embed.copy().set_image(url=None).set_thumbnail(url=None)
    return bare.set_author(name=embed.author.name) if embed.author.name else bare
