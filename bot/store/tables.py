"""Table definitions. Times are integer microseconds since 1970 (UTC), so that all engines compare them alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.cards.text import strip_unstorable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(at: datetime) -> int:
    """Convert a time to its column value."""
    return (at - _EPOCH) // _MICROSECOND


_FAR_PAST, _FAR_FUTURE = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Limits that leave room for date arithmetic."""


def moment_from_microseconds(microseconds: Any) -> datetime:
    """Convert a column value to a time; invalid or out of range values are clamped to a far date."""
    try:
        found = _EPOCH + int(microseconds) * _MICROSECOND
    except (ValueError, TypeError):
        return _FAR_FUTURE
    except OverflowError:
        return _FAR_FUTURE if microseconds > 0 else _FAR_PAST
    return min(max(found, _FAR_PAST), _FAR_FUTURE)


def parse_json(written: Any) -> Any:
    """Parse a JSON column; None if it is invalid, so that one bad row does not fail the whole query."""
    try:
        return json.loads(written)
    except (ValueError, TypeError, RecursionError):
        return None


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> Any:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else moment_from_microseconds(value)


class _TextComparator(TypeDecorator.Comparator[str], PlainText.Comparator[str]):
    """Writes members of enumerations into the SQL.

    SQLite plans a statement anew each time that a parameter is bound which it has compared with a partial index: that
    took ten times as long as the rest of a search.
    """

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        return super().operate(op, *map(_write_member, other), **kwargs)


def _write_member(value: Any) -> Any:
    return literal_column(f"'{value}'") if isinstance(value, StrEnum) else value


class Text(TypeDecorator[str]):
    """Text without characters that engines cannot store (`strip_unstorable`), compared by code point on every
    engine."""

    impl = PlainText
    cache_ok = True
    comparator_factory = _TextComparator

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return PlainText(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else strip_unstorable(value)


Number = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer on every engine, so that any number in a button's custom id can be queried."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

key_values = Table("key_values", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

sources = Table(
    "sources",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", Text, nullable=False, comment="folder, feed, http, links"),
    Column("key", Text, nullable=False, comment="a folder's path, a feed's address, a name, a server"),
    Column(
        "is_shared",
        Boolean,
        nullable=False,
        server_default="1",
        comment="its cards are everybody's; else of the servers that follow it",
    ),
    Column("language", Text, comment="of its cards; null: a feed's own, else English"),
    Column("unfollowed_at", Moment, comment="since when nobody follows it; null: it is followed, or everybody's"),
    UniqueConstraint("kind", "key"),
)

cards = Table(
    "cards",
    metadata,
    Column("id", Number, primary_key=True),
    Column("source_id", ForeignKey(sources.c.id), comment="the source that it belongs to; never null after a load"),
    Column("slug", Text, nullable=False, unique=True),
    # Unique, ordered by time. Also the row key of the full-text index, so that "newest first" needs no sorting.
    Column("sort_key", BigInteger, nullable=False, unique=True),
    Column("published_at", Moment, nullable=False),
    Column("state", Text, nullable=False, comment="global state: from its file, or an owner's ruling"),
    Column(
        "file_state", Text, nullable=False, server_default="held", comment="state from the file, before any decision"
    ),
    Column("held_reason", Text),
    Column("title", Text, nullable=False),
    Column("provider", Text, nullable=False, comment="folded name, empty when unknown"),
    Column("quality", Number),
    Column("heat", Number, comment="by its file; null: by its quality and the publishers of its story"),
    Column("score", Number, nullable=False, server_default="0", comment="heat, else quality, else 0"),
    Column("details", JSON, nullable=False, comment="displayed fields that SQL never queries"),
    Column("revision", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("file_missing", Boolean, nullable=False, comment="its file was deleted"),
    Column(
        "scheduled",
        Boolean,
        nullable=False,
        server_default="0",
        comment="was published, then rescheduled to a future time",
    ),
    Column("visible_at", Moment, comment="when its file became published; null while it is not"),
    Column("needs_planning", Boolean, nullable=False, comment="changed since deliveries were planned"),
    Column("story_id", Number, comment="id of the card that identifies the story; null until assigned"),
    Column("needs_story", Boolean, nullable=False, server_default="1", comment="changed since its story was told"),
    Column(
        "is_backlog",
        Boolean,
        nullable=False,
        server_default="0",
        comment="was in its source when that was read first: if held, it is not reviewed unless asked for",
    ),
)
Index("ix_cards_state_sort_key", cards.c.state, cards.c.sort_key)
# Covering index for visibility, heat and stories of search results.
_IN_LISTS = (cards.c.sort_key, cards.c.state, cards.c.heat, cards.c.quality, cards.c.story_id)
Index("ix_cards_in_lists", *_IN_LISTS)
# Written as SQLAlchemy renders the condition: SQLite only uses a partial index for the same expression.
Index(
    "ix_cards_needs_planning",
    cards.c.id,
    sqlite_where=text("needs_planning = 1"),
    postgresql_where=text("needs_planning"),
)
Index(
    "ix_cards_needs_story",
    cards.c.sort_key,
    sqlite_where=text("needs_story = 1"),
    postgresql_where=text("needs_story"),
)
Index("ix_cards_content_hash", cards.c.content_hash)
Index("ix_cards_source_id_state_provider", cards.c.source_id, cards.c.state, cards.c.provider)
Index("ix_cards_provider", cards.c.provider)
Index("ix_cards_story_id_sort_key", cards.c.story_id, cards.c.sort_key)
Index("ix_cards_visible_at", cards.c.visible_at)
Index("ix_cards_state_score_sort_key", cards.c.state, cards.c.score, cards.c.sort_key)
# Everybody's cards by time, so that their lists do not step over the cards of followed sources.
_SHARED = text("state <> 'followed'")
Index("ix_cards_shared", *_IN_LISTS, sqlite_where=_SHARED, postgresql_where=_SHARED)

follows = Table(
    "follows",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("source_id", ForeignKey(sources.c.id), primary_key=True),
    Column("policy", Text, nullable=False, comment="review, publish, covered, archive"),
    Column("quality", Number, nullable=False, comment="of its cards in this server"),
    Column("paused", Boolean, nullable=False, server_default="0"),
    Column("followed_at", Moment, nullable=False),
    Column("created_by", BigInteger, nullable=False),
    Column(
        "trouble_notified",
        Boolean,
        nullable=False,
        server_default="0",
        comment="whether the server was notified that its feed is in trouble",
    ),
)
Index("ix_follows_source_id", follows.c.source_id)

server_cards = Table(
    "server_cards",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("source_id", ForeignKey(sources.c.id), nullable=False),
    Column("state", Text, nullable=False, comment="published, held: by the policy in force on arrival"),
    Column("held_reason", Text),
    Column("arrived_at", Moment, nullable=False, comment="when the server got it"),
    Column("sort_key", BigInteger, nullable=False, comment="that of the card"),
    Column("quality", Number, nullable=False),
    Column("is_backlog", Boolean, nullable=False, comment="is not posted or reviewed unless a moderator publishes it"),
    Column("needs_planning", Boolean, nullable=False),
    Column("story_id", Number, comment="story in this server; null until assigned"),
)
Index("ix_server_cards_guild_id_sort_key", server_cards.c.guild_id, server_cards.c.sort_key)
Index("ix_server_cards_guild_id_arrived_at", server_cards.c.guild_id, server_cards.c.arrived_at)
Index(
    "ix_server_cards_story_id_guild_id_sort_key",
    server_cards.c.story_id,
    server_cards.c.guild_id,
    server_cards.c.sort_key,
)
_WITHOUT_STORY = text("story_id IS NULL")
Index(
    "ix_server_cards_without_story",
    server_cards.c.card_id,
    sqlite_where=_WITHOUT_STORY,
    postgresql_where=_WITHOUT_STORY,
)
Index("ix_server_cards_card_id", server_cards.c.card_id)
Index("ix_server_cards_source_id", server_cards.c.source_id)
_UNCOVERED = text("held_reason = 'uncovered'")
Index("ix_server_cards_uncovered", server_cards.c.story_id, sqlite_where=_UNCOVERED, postgresql_where=_UNCOVERED)
Index(
    "ix_server_cards_needs_planning",
    server_cards.c.card_id,
    sqlite_where=text("needs_planning = 1"),
    postgresql_where=text("needs_planning"),
)

topics = Table(
    "topics",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="folded name"),
    Column("name", Text, nullable=False),
    Column("published_count", Number, nullable=False, server_default="0", comment="cards published by their files"),
    Column("is_shared", Boolean, nullable=False, server_default="0", comment="the name is that of everybody's cards"),
)

providers = Table(
    "providers",
    metadata,
    Column("key", Text, primary_key=True, comment="folded name"),
    Column("name", Text, nullable=False),
    Column("published_count", Number, nullable=False, server_default="0", comment="cards published by their files"),
)

card_topics = Table(
    "card_topics",
    metadata,
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("sort_key", BigInteger, nullable=False),
)
Index("ix_card_topics_card_id", card_topics.c.card_id)
Index("ix_card_topics_topic_id_sort_key", card_topics.c.topic_id, card_topics.c.sort_key)

# Apart from `card_topics`: what counts or lists everybody's cards by topic never meets those of followed sources.
followed_card_topics = Table(
    "followed_card_topics",
    metadata,
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
    Column("name", Text, comment="as the card writes it; null: as `topics` does"),
)

follow_topics = Table(
    "follow_topics",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("source_id", ForeignKey(sources.c.id), primary_key=True),
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
    Column("name", Text, comment="as the server writes it; null: as `topics` does"),
)

card_aliases = Table(
    "card_aliases",
    metadata,
    Column("url", Text, primary_key=True, comment="normalised address"),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
)
Index("ix_card_aliases_card_id", card_aliases.c.card_id)

source_items = Table(
    "source_items",
    metadata,
    Column("source_id", ForeignKey(sources.c.id), primary_key=True),
    Column("key", Text, primary_key=True, comment="a file's path relative to its folder, with /"),
    Column("fingerprint", Text, nullable=False, comment="differs when it may have changed; empty: read it again"),
    Column("digest", Text, comment="hash of its content; null if not read"),
    Column("card_id", ForeignKey(cards.c.id)),
    Column("problems", JSON, nullable=False),
    Column("missing_since", Moment, comment="first load that did not find its card"),
    Column("due_at", Moment, comment="when its card is to be published; null: immediately"),
)
Index("ix_source_items_card_id", source_items.c.card_id)

feeds = Table(
    "feeds",
    metadata,
    Column("source_id", ForeignKey(sources.c.id), primary_key=True),
    Column("url", Text, nullable=False, comment="where it is now; may hold credentials"),
    Column("host", Text, nullable=False, comment="of its url: one request to it at a time"),
    Column("title", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("policy", Text, nullable=False, comment="of a shared feed: review, publish, archive"),
    Column("topics", JSON, nullable=False, comment="of a shared feed, besides those of its items"),
    Column("quality", Number, nullable=False, comment="of a shared feed's cards"),
    Column("is_listed", Boolean, nullable=False, comment="it is in the operator's file"),
    Column("paused_at", Moment),
    Column("next_fetch_at", Moment, comment="null: paused, or gone"),
    Column("fetched_at", Moment),
    Column("read_at", Moment, comment="when its backlog was read; null: what it holds is not news"),
    Column("changed_at", Moment, comment="when its document last differed"),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("content_kind", Text, nullable=False, comment="xml, json, …"),
    Column("failures", Number, nullable=False, server_default="0", comment="in a row"),
    Column("failing_since", Moment),
    Column("missing_since", Moment, comment="when its site began to say that it is not there"),
    Column("problem", Text, nullable=False, comment="of the last fetch"),
    Column("moved_to", Text, nullable=False, comment="where its site says that it is for good"),
    Column("moved_on", Text, nullable=False, comment="day of the first of these answers"),
    Column("moved_count", Number, nullable=False, server_default="0", comment="of these answers"),
)
# Hosts are in the index, since the busy ones are stepped over.
_PLANNED = text("next_fetch_at IS NOT NULL")
Index(
    "ix_feeds_next_fetch_at",
    feeds.c.next_fetch_at,
    feeds.c.source_id,
    feeds.c.host,
    sqlite_where=_PLANNED,
    postgresql_where=_PLANNED,
)
Index("ix_feeds_url", feeds.c.url)

decisions = Table(
    "decisions",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("decided_by", BigInteger, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("selected_only", Boolean, nullable=False, server_default="0", comment="only for the selected subscriptions"),
)
Index("ix_decisions_card_id", decisions.c.card_id)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Number, primary_key=True),
    Column("guild_id", BigInteger, nullable=False, comment="0: all servers"),
    Column("card_id", ForeignKey(cards.c.id), nullable=False),
    Column(
        "subject",
        Text,
        nullable=False,
        server_default="verdict",
        comment="verdict, topics (an edit), state, story, feed",
    ),
    Column("before", Text),
    Column("after", Text),
    Column("subscription_ids", JSON, comment="selected subscriptions"),
    Column("actor_id", BigInteger, nullable=False, comment="0: a file, the operator"),
    Column("source", Text, nullable=False, comment="command, button, file, operator"),
    Column("reason", Text, nullable=False),
    Column("reverts_id", Number, comment="id of the entry that this one undoes"),
    Column("at", Moment, nullable=False),
)
Index("ix_audit_log_guild_id_id", audit_log.c.guild_id, audit_log.c.id)
Index("ix_audit_log_card_id_guild_id", audit_log.c.card_id, audit_log.c.guild_id)

card_edits = Table(
    "card_edits",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("fields", JSON, nullable=False, comment="what the server changed (`bot.domain.card_edit.CardEdit`)"),
    Column("has_topics", Boolean, nullable=False, comment="whether topics are among them"),
    Column("revision", Text, comment="of the card with the edit; null: to be computed and indexed at the next start"),
    Column("audit_id", ForeignKey(audit_log.c.id), nullable=False, unique=True, comment="who edited it, and when"),
)
Index("ix_card_edits_card_id", card_edits.c.card_id)

card_edit_topics = Table(
    "card_edit_topics",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("name", Text, comment="as the server writes it"),
)
Index("ix_card_edit_topics_card_id", card_edit_topics.c.card_id)

reports = Table(
    "reports",
    metadata,
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("user_id", BigInteger, primary_key=True),
    Column("guild_id", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_reports_guild_id_card_id", reports.c.guild_id, reports.c.card_id)
Index("ix_reports_user_id_at", reports.c.user_id, reports.c.at)

submissions = Table(
    "submissions",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("user_id", BigInteger, primary_key=True),
    Column("comment", Text, nullable=False, comment="for the moderators"),
    Column("at", Moment, nullable=False),
    Column("notice_language", Text, comment="in which the member is yet to be told the decision; null: is not"),
)
Index("ix_submissions_card_id", submissions.c.card_id)
Index("ix_submissions_user_id_at", submissions.c.user_id, submissions.c.at)
_TO_BE_TOLD = text("notice_language IS NOT NULL")
Index(
    "ix_submissions_notice_language",
    submissions.c.guild_id,
    sqlite_where=_TO_BE_TOLD,
    postgresql_where=_TO_BE_TOLD,
)

story_keys = Table(
    "story_keys",
    metadata,
    Column("key", Text, primary_key=True, comment="shared by cards of the same story"),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
)
Index("ix_story_keys_card_id", story_keys.c.card_id)

story_texts = Table(
    "story_texts",
    metadata,
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("published_at", Moment, nullable=False),
    Column("source_id", Number, nullable=False, comment="of a followed card; 0: it is everybody's"),
    Column("publisher", Text, nullable=False, comment="folded name or host; empty when unknown"),
    Column("title", Text, nullable=False, comment="its words, stemmed"),
    Column("numbers", Text, nullable=False, comment="of its title"),
    Column("weights", Text, nullable=False, comment="of the words of title and excerpt, each after its word"),
)
Index("ix_story_texts_published_at", story_texts.c.published_at)

# Candidates are found by the rarest words of a title, within some days: only recent cards have rows.
story_words = Table(
    "story_words",
    metadata,
    Column("word", Text, primary_key=True),
    Column("published_at", Moment, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("source_id", Number, nullable=False, comment="of a followed card; 0: it is everybody's"),
    sqlite_with_rowid=False,
)
Index("ix_story_words_card_id", story_words.c.card_id)
_FOLLOWED_WORD = text("source_id > 0")
Index(
    "ix_story_words_followed",
    *(story_words.c[name] for name in ("word", "published_at", "source_id")),
    sqlite_where=_FOLLOWED_WORD,
    postgresql_where=_FOLLOWED_WORD,
)

story_links = Table(
    "story_links",
    metadata,
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("other_id", ForeignKey(cards.c.id), primary_key=True, comment="an earlier card that is like it"),
    Column("similarity", Number, nullable=False, comment="in thousandths; 2000: by its address"),
    sqlite_with_rowid=False,
)
Index("ix_story_links_other_id", story_links.c.other_id)

story_coverage = Table(
    "story_coverage",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, comment="0: all that see no other publishers of the story"),
    Column("story_id", Number, primary_key=True, autoincrement=False),
    Column("publishers", Number, nullable=False, comment="of its cards that are visible in the server"),
    Column("is_stale", Boolean, nullable=False, server_default="0", comment="a card has left the story: count again"),
    sqlite_with_rowid=False,
)
Index("ix_story_coverage_story_id", story_coverage.c.story_id)
Index(
    "ix_story_coverage_is_stale",
    story_coverage.c.story_id,
    sqlite_where=text("is_stale = 1"),
    postgresql_where=text("is_stale"),
)

# Besides the stories by matching (`cards`, `server_cards`), which change underneath without a trace here.
story_decisions = Table(
    "story_decisions",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column(
        "story_id",
        ForeignKey(audit_log.c.id),
        primary_key=True,
        comment="the decision that made the story; of several the latest counts",
    ),
    Column("matched", Boolean, nullable=False, comment="joined it by itself, later"),
    sqlite_with_rowid=False,
)
Index("ix_story_decisions_guild_id_story_id", story_decisions.c.guild_id, story_decisions.c.story_id)
Index("ix_story_decisions_card_id", story_decisions.c.card_id)

# By source: the words of a followed source only count where its cards are seen.
word_counts = Table(
    "word_counts",
    metadata,
    Column("source_id", Number, primary_key=True, autoincrement=False, comment="0: everybody's cards"),
    Column("word", Text, primary_key=True, comment="stemmed; empty: the number of cards"),
    Column("count", Float, nullable=False, comment="cards that have it, each fading with age"),
    Column("counted_at", Moment, nullable=False, comment="the time to which they have faded"),
    sqlite_with_rowid=False,
)
Index("ix_word_counts_counted_at", word_counts.c.counted_at)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Number, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("frequency", Text, nullable=False),
    Column("min_quality", Number, nullable=False),
    Column("created_by", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("crosspost", Boolean, nullable=False, server_default="0"),
    Column("on_withdrawal", Text, nullable=False, server_default="delete"),
    Column(
        "options", JSON, nullable=False, server_default="{}", comment="other options that differ from their defaults"
    ),
    Column("thread", Boolean, nullable=False, server_default="0", comment="a discussion thread under each post"),
    Column("is_forum", Boolean, nullable=False, server_default="0"),
    Column("paused", Boolean, nullable=False, server_default="0"),
    Column(
        "new_after", Moment, nullable=False, server_default="0", comment="only cards visible after this are new to it"
    ),
    Column("next_digest_at", Moment, comment="when its next digest is due"),
    Column("user_id", BigInteger, comment="set for a personal digest; null for a guild subscription"),
    Column("dm_closed_at", Moment, comment="when direct messages were rejected; null once the member was told"),
    Column("language", Text, comment="of its posts; null: the server's"),
    Column("trouble", Text, comment="error of its last digest; null if it succeeded"),
    Column(
        "pauses",
        JSON,
        nullable=False,
        server_default="[]",
        comment="since its last slot: [start, end] in microseconds since 1970; end null: paused",
    ),
    Column("member_seen_at", Moment, comment="when Discord last confirmed the membership"),
    sqlite_autoincrement=True,
)
Index("ix_subscriptions_guild_id", subscriptions.c.guild_id)
_NEXT = text("next_digest_at IS NOT NULL")
Index("ix_subscriptions_next_digest_at", subscriptions.c.next_digest_at, sqlite_where=_NEXT, postgresql_where=_NEXT)
_OF_A_MEMBER = text("user_id IS NOT NULL")
Index(
    "ix_subscriptions_user_id_guild_id",
    subscriptions.c.user_id,
    subscriptions.c.guild_id,
    unique=True,
    sqlite_where=_OF_A_MEMBER,
    postgresql_where=_OF_A_MEMBER,
)

subscription_topics = Table(
    "subscription_topics",
    metadata,
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
    Column("name", Text, comment="as who subscribed writes it; null: as `topics` does"),
)

# From the options of instant subscriptions: what SQL compares with new cards.
subscription_terms = Table(
    "subscription_terms",
    metadata,
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True, comment="provider, word"),
    Column("term", Text, primary_key=True, comment="a folded name; an entry of the words as typed"),
)

decision_subscriptions = Table(
    "decision_subscriptions",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
)

quiet_hours = Table(
    "quiet_hours",
    metadata,
    Column("channel_id", BigInteger, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("starts", Text, nullable=False, comment="local, HH:MM"),
    Column("ends", Text, nullable=False, comment="local, HH:MM"),
    Column("timezone", Text, nullable=False),
    Column("override_heat", Number, comment="minimum heat of stories that are posted anyway"),
    Column("is_quiet", Boolean, nullable=False),
    Column("changes_at", Moment, nullable=False, comment="when is_quiet changes next"),
)
Index("ix_quiet_hours_changes_at", quiet_hours.c.changes_at)

deferred_cards = Table(
    "deferred_cards",
    metadata,
    Column("channel_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    # All matching subscriptions: the card is posted once, by one that still exists and is not paused.
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
)

guild_settings = Table(
    "guild_settings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("timezone", Text, comment="last chosen"),
    Column("review_channel_id", BigInteger),
    Column("max_open_reviews", Number, nullable=False, server_default="10", comment="maximum number of open reviews"),
    Column("language", Text, comment="guild locale on Discord; null: English"),
)

greetings = Table(
    "greetings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("joined_at", Moment, nullable=False, comment="when the bot joined, as of its last greeting"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("subscription_id", Number, nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("sort_key", BigInteger, nullable=False, comment="order within the channel"),
    Column("desired_kind", Text, comment="cards, unpublished, withdrawn, empty; null: no message"),
    Column("desired_hash", Text, comment="of the kind, or of the shown cards and revisions in order"),
    Column("delivered_hash", Text, comment="of what the message shows; null: no message, or unknown"),
    Column("message_id", BigInteger),
    Column("status", Text, nullable=False),
    Column("attempts", Number, nullable=False, server_default="0"),
    Column("due_at", Moment, comment="null: nothing to do"),
    Column("sent_at", Moment, comment="start of the last attempt to post"),
    Column(
        "without_images",
        Boolean,
        nullable=False,
        server_default="0",
        comment="without images, since Discord rejected one",
    ),
    Column("last_error", Text),
    Column("planned_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("slot", Text, comment="a digest's local date and time; null for instant posts"),
    Column("part", Number, nullable=False, server_default="0"),
    Column("layout", Text, nullable=False, server_default="card"),
    Column("heading", Text, comment="above a digest's cards"),
    Column("options", JSON, nullable=False, server_default="{}", comment="of its subscription, when it was planned"),
    Column("on_withdrawal", Text, nullable=False, server_default="delete"),
    Column("is_forum", Boolean, nullable=False, server_default="0"),
    Column("crosspost", Text, comment="wanted, done, dropped"),
    Column("crossposted_at", Moment),
    Column("user_id", BigInteger, comment="recipient of a direct message; null: a channel of the server"),
    Column("language", Text, nullable=False, server_default="en"),
    Column("after_id", BigInteger, comment="lower bound for the message id of the last attempt to post"),
    Column("reported_at", Moment, comment="when its rejection by Discord was reported"),
    Column("thread", Text, comment="wanted, done, dropped; null: none is asked for"),
    Column("kept_at", Moment, comment="when it was found that the post stays, although it is old"),
    UniqueConstraint("subscription_id", "slot", "part"),
    sqlite_autoincrement=True,
)
_DUE = text("due_at IS NOT NULL")
Index("ix_deliveries_due_at", deliveries.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
Index("ix_deliveries_channel_id_due_at", deliveries.c.channel_id, sqlite_where=_DUE, postgresql_where=_DUE)
_REVIEW = text("layout = 'review'")
Index("ix_deliveries_review", deliveries.c.guild_id, sqlite_where=_REVIEW, postgresql_where=_REVIEW)
Index("ix_deliveries_user_id", deliveries.c.user_id, sqlite_where=_OF_A_MEMBER, postgresql_where=_OF_A_MEMBER)
_CROSSPOST = text("crosspost = 'wanted'")
Index("ix_deliveries_crosspost", deliveries.c.channel_id, sqlite_where=_CROSSPOST, postgresql_where=_CROSSPOST)
_THREAD = text("thread = 'wanted'")
Index("ix_deliveries_thread", deliveries.c.channel_id, sqlite_where=_THREAD, postgresql_where=_THREAD)
_UNREPORTED = text("status = 'quarantined' AND reported_at IS NULL")
Index("ix_deliveries_unreported", deliveries.c.guild_id, sqlite_where=_UNREPORTED, postgresql_where=_UNREPORTED)

delivery_cards = Table(
    "delivery_cards",
    metadata,
    Column("delivery_id", ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("channel_id", BigInteger, comment="null: only listed, as another card of the story that the message tells"),
    Column("position", Number, nullable=False, comment="order within the message"),
    Column("revision", Text, comment="desired revision; null: removed"),
    Column(
        "shown",
        Boolean,
        nullable=False,
        server_default="1",
        comment="false: suppressed, the message covers its story already",
    ),
    Column(
        "detached",
        Boolean,
        nullable=False,
        server_default="0",
        comment="of a feed that the server no longer follows: never edited or retracted",
    ),
    Column(
        "coverage", Number, nullable=False, server_default="0", comment="publishers that the message names; 0: none"
    ),
    Column(
        "left_story",
        Boolean,
        nullable=False,
        server_default="0",
        comment="it tells another story by now: the message does not show it, and the channel has had it",
    ),
    Column("selected_rank", Number, comment="rank in its digest, from 1; null if not chosen by one"),
    Column("selected_heat", Number, comment="at that time"),
    Column("selected_quality", Number, comment="at that time"),
    Column("selected_hours", Number, comment="age at that time"),
    # A channel gets each card once, regardless of subscription and layout.
    UniqueConstraint("channel_id", "card_id"),
    sqlite_with_rowid=False,
)
Index("ix_delivery_cards_card_id", delivery_cards.c.card_id)

circuits = Table(
    "circuits",
    metadata,
    Column("channel_id", BigInteger, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failures", Number, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("probe_at", Moment, nullable=False),
    Column("server_notified", Boolean, nullable=False, server_default="0", comment="whether the server was notified"),
)

crosspost_attempts = Table(
    "crosspost_attempts",
    metadata,
    Column("delivery_id", Number, primary_key=True, autoincrement=False),
    Column("at", Moment, primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
)
Index("ix_crosspost_attempts_channel_id_at", crosspost_attempts.c.channel_id, crosspost_attempts.c.at)

channel_leases = Table(
    "channel_leases",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False, comment="courier that holds the lease"),
    Column("expires_at", BigInteger, nullable=False, comment="microseconds since 1970 by the database server's clock"),
    # Empty with SQLite, where there is only one courier.
    info={"passing": True},
)

saved_cards = Table(
    "saved_cards",
    metadata,
    Column("user_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("saved_at", Moment, nullable=False),
)

last_read = Table(
    "last_read",
    metadata,
    Column("user_id", BigInteger, primary_key=True),
    Column("guild_id", BigInteger, primary_key=True),
    Column("at", Moment, nullable=False),
)

list_requests = Table(
    "list_requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request", JSON, nullable=False, comment="query that the page buttons repeat"),
    Column("used_at", Moment, nullable=False),
)
Index("ix_list_requests_used_at", list_requests.c.used_at)

worker_requests = Table(
    "worker_requests",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("requested_by", BigInteger, nullable=False, comment="one of the bot's owners"),
    Column("requested_at", Moment, nullable=False),
    Column("state", Text, nullable=False, comment="waiting, done, refused, failed"),
    Column("result", JSON, comment="null while it waits"),
    # Short-lived, and only relevant to the processes of this database.
    info={"passing": True},
)
Index("ix_worker_requests_requested_at", worker_requests.c.requested_at)

known_words = Table(
    "known_words",
    metadata,
    Column("initial", Text, primary_key=True),
    Column("length", Number, primary_key=True, autoincrement=False),
    Column("word", Text, primary_key=True, comment="from a title, topic or provider, as indexed"),
    sqlite_with_rowid=False,
)

search_languages = Table(
    "search_languages",
    metadata,
    Column("source_id", Number, primary_key=True, autoincrement=False, comment="0: all sources that are everybody's"),
    Column("language", Text, primary_key=True, comment="in which the stems of some of its cards are; empty: none"),
    sqlite_with_rowid=False,
    info={"derived": True},
)

intake_tokens = Table(
    "intake_tokens",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False, unique=True, comment="SHA-256 of the token, which is stored nowhere"),
    Column("source_id", ForeignKey(sources.c.id), nullable=False, comment="the source that its cards belong to"),
    Column("policy", Text, nullable=False, comment="published, held"),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment, comment="to the minute"),
)

intake_answers = Table(
    "intake_answers",
    metadata,
    Column("token_id", ForeignKey(intake_tokens.c.id, ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True, comment="Idempotency-Key of the request"),
    Column("body_digest", Text, nullable=False, comment="SHA-256 of its body"),
    Column("answer", JSON, nullable=False),
    Column("answered_at", Moment, nullable=False),
    # Short-lived, and only relevant to the clients of this store.
    info={"passing": True},
)
Index("ix_intake_answers_answered_at", intake_answers.c.answered_at)

followed_words = Table(
    "followed_words",
    metadata,
    Column("source_id", ForeignKey(sources.c.id), primary_key=True),
    Column("initial", Text, primary_key=True),
    Column("length", Number, primary_key=True, autoincrement=False),
    Column("word", Text, primary_key=True, comment="as in known_words, from the cards of a source that is not shared"),
    sqlite_with_rowid=False,
)
