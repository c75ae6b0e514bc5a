"""Candidates for new posts: pairs of channel and changed card, and the filters that only texts or names decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    bindparam,
    case,
    delete,
    exists,
    insert,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable

from bot.cards.model import Card
from bot.domain.card_edit import apply_edit
from bot.domain.filters import excluding_term
from bot.domain.moderation import EVERYWHERE
from bot.domain.word_filters import WordIndex, read_words
from bot.store.cards.edits import fetch_edits
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.search_entries import fetch_languages
from bot.store.cards.server_topics import fetch_topics
from bot.store.column_parsers import UNUSABLE
from bot.store.sql_helpers import chunks
from bot.store.subscriptions.option_columns import may_exclude, parse_exclusions
from bot.store.subscriptions.subscription_terms import TermKind
from bot.store.tables import Number, Text, card_edits, cards, subscription_terms, subscriptions

_OF_RUN = MetaData()
candidates = Table(
    "candidates",
    _OF_RUN,
    Column("subscription_id", Number, nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("card_id", Number, nullable=False),
    Column("story_id", Number),
    Column("sort_key", BigInteger, nullable=False),
    Column("revision", Text, nullable=False),
    Column("heat", Number, nullable=False),
    Column("lead", Boolean, nullable=False, comment="the card of its story that gets the message"),
    Column("picked", Boolean, nullable=False, comment="by a moderator, whatever the filters"),
    # The channel first: the candidates of a channel are compared with each other.
    PrimaryKeyConstraint("channel_id", "card_id", "subscription_id"),
    prefixes=["TEMPORARY"],
)

_word_matches = Table(
    "word_matches",
    _OF_RUN,
    Column("card_id", Number),
    Column("guild_id", BigInteger, comment="that edited the card; 0: the card as its source has it"),
    Column("term", Text),
    PrimaryKeyConstraint("card_id", "guild_id", "term"),
    prefixes=["TEMPORARY"],
)


async def clear_candidates(connection: AsyncConnection) -> None:
    """Create or empty the temporary tables of a planning run."""
    # A temporary table lives as long as its connection, which the pool keeps: what it holds is of an earlier run.
    for table in (candidates, _word_matches):
        await connection.execute(CreateTable(table, if_not_exists=True))
        await connection.execute(delete(table))


async def drop_unmatched(connection: AsyncConnection) -> None:
    """Delete candidates that lack the publisher, or all of the words, that their subscription asks for."""
    if (await connection.execute(select(subscription_terms.c.term).limit(1))).first() is None:
        return
    of_card = select(cards.c.provider).where(cards.c.id == candidates.c.card_id)
    provider = of_card.correlate(candidates).scalar_subquery()
    await connection.execute(_delete_lacking(TermKind.PROVIDER, subscription_terms.c.term == provider))
    if await _find_word_matches(connection):
        await connection.execute(_delete_lacking(TermKind.WORD, exists(_matching_words())))


def _terms_of_candidate(kind: TermKind) -> Any:
    own = (subscription_terms.c.subscription_id == candidates.c.subscription_id) & (subscription_terms.c.kind == kind)
    return select(literal(1)).where(own).correlate(candidates)


def _delete_lacking(kind: TermKind, is_met: ColumnElement[bool]) -> Any:
    """Delete candidates whose subscription has terms of a kind, none of which is met."""
    terms = _terms_of_candidate(kind)
    return delete(candidates).where(~candidates.c.picked, exists(terms), ~exists(terms.where(is_met)))


def _matching_words() -> Any:
    """Select the row that says that the card has the term, as the server sees the card."""
    here = (card_edits.c.guild_id == candidates.c.guild_id) & (card_edits.c.card_id == candidates.c.card_id)
    is_edited = exists(select(literal(1)).where(here).correlate(candidates))
    return (
        select(literal(1))
        .where(
            _word_matches.c.card_id == candidates.c.card_id,
            _word_matches.c.guild_id == case((is_edited, candidates.c.guild_id), else_=EVERYWHERE),
            _word_matches.c.term == subscription_terms.c.term,
        )
        .correlate(candidates, subscription_terms)
    )


async def _find_word_matches(connection: AsyncConnection) -> bool:
    """Write down which candidates' cards have which words. Returns whether any subscription asks for words.

    Each card is read once, and each entry looked up once, however many subscriptions share it.
    """
    asking = select(subscription_terms.c.subscription_id).where(subscription_terms.c.kind == TermKind.WORD)
    condition = ~candidates.c.picked & candidates.c.subscription_id.in_(asking)
    ids = set((await connection.execute(select(candidates.c.card_id).distinct().where(condition))).scalars())
    if not ids:
        return False
    of_candidates = subscription_terms.c.subscription_id.in_(select(candidates.c.subscription_id))
    is_word = subscription_terms.c.kind == TermKind.WORD
    terms = (await connection.execute(select(subscription_terms.c.term).distinct().where(is_word, of_candidates))).all()
    languages = await fetch_languages(connection, ids)
    seen = await _load_cards(connection, ids)
    index = WordIndex({here: read_words(card, languages[here[1]]) for here, card in seen.items()})
    rows = [
        {"guild_id": guild_id, "card_id": card_id, "term": term}
        for (term,) in terms
        for guild_id, card_id in index.find_matches(term)
    ]
    if rows:
        await connection.execute(insert(_word_matches), rows)
    return True


_Here = tuple[int, int]
"""(guild id, card id); the guild is `EVERYWHERE` for a card as its source has it"""


async def _load_cards(connection: AsyncConnection, ids: Collection[int]) -> Mapping[_Here, Card]:
    """Load cards as their sources have them, and as servers have edited them."""
    seen: dict[_Here, Card] = {}
    for some in chunks(sorted(ids)):
        query = select(*stored_card_columns(EVERYWHERE)).where(cards.c.id.in_(some))
        for row in (await connection.execute(query)).mappings():
            seen[EVERYWHERE, row["id"]] = card_from_row(row).card
    edits = await fetch_edits(connection, ids)
    return seen | {here: apply_edit(seen[EVERYWHERE, here[1]], edit) for here, edit in edits.items()}


async def drop_excluded(connection: AsyncConnection) -> None:
    """Delete candidates that match an excluded topic or word; in Python, since SQL does not read the card's text."""
    query = (
        select(candidates.c.subscription_id, candidates.c.guild_id, candidates.c.card_id, subscriptions.c.options)
        .join(subscriptions, subscriptions.c.id == candidates.c.subscription_id)
        .where(~candidates.c.picked, may_exclude(subscriptions.c.options))
    )
    rows = (await connection.execute(query)).all()
    exclusions = {subscription_id: _stored_exclusions(stored) for subscription_id, _, _, stored in rows}
    matches = [row[:3] for row in rows if exclusions[row.subscription_id] != ()]
    if not matches:
        return
    ids = {card_id for *_, card_id in matches}
    seen = await _load_cards(connection, ids)
    own_topics = await fetch_topics(connection, ids, {guild_id for _, guild_id, _ in matches})
    dropped = []
    for subscription_id, guild_id, card_id in matches:
        card = seen.get((guild_id, card_id)) or seen[EVERYWHERE, card_id]
        if _is_excluded(card, exclusions[subscription_id], own_topics.for_card(card, card_id, guild_id)):
            dropped.append({"the_subscription": subscription_id, "the_card": card_id})
    if dropped:
        await connection.execute(_DROP, dropped)


_DROP = delete(candidates).where(
    candidates.c.subscription_id == bindparam("the_subscription"), candidates.c.card_id == bindparam("the_card")
)


def _stored_exclusions(stored: object) -> tuple[str, ...] | None:
    """Parse what a subscription excludes; None if that is invalid."""
    try:
        return parse_exclusions(stored)
    except UNUSABLE:
        return None


def _is_excluded(card: Card, exclusions: tuple[str, ...] | None, topics: Collection[str]) -> bool:
    # With invalid exclusions no card comes: better than one that the channel does not want.
    return exclusions is None or excluding_term(card, exclusions, topics) is not None
