"""The tables. Moments are whole microseconds since 1970 (UTC), so that they compare and index alike on every engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.cards.text import storable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """A moment as a column keeps it."""
    return (at - _EPOCH) // _MICROSECOND


_FAR_PAST, _FAR_FUTURE = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Moments that arithmetic may still go around."""


def moment(microseconds: Any) -> datetime:
    """What the column's number stands for; what is no number, or none of a calendar, is far away."""
    try:
        found = _EPOCH + int(microseconds) * _MICROSECOND
    except (ValueError, TypeError):
        return _FAR_FUTURE
    except OverflowError:
        return _FAR_FUTURE if microseconds > 0 else _FAR_PAST
    return min(max(found, _FAR_PAST), _FAR_FUTURE)


def json_or_none(written: Any) -> Any:
    """What stands in a JSON column; None for what is no JSON, so that one row does not spoil the answer for others."""
    try:
        return json.loads(written)
    except (ValueError, TypeError, RecursionError):
        return None


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> Any:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


class Text(TypeDecorator[str]):
    """Text without what an engine cannot keep (`storable`), compared letter by letter on every engine."""

    impl = PlainText
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return PlainText(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


Number = BigInteger().with_variant(Integer(), "sqlite")
"""As large on every engine as SQLite's integers: whatever number a button carries can be asked for."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

cards = Table(
    "cards",
    metadata,
    Column("id", Number, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    # Order by time, unique: it numbers the full-text rows as well, so that "newest first" needs no sorting.
    Column("timeline", BigInteger, nullable=False, unique=True),
    Column("published_at", Moment, nullable=False),
    Column("state", Text, nullable=False, comment="where no server decided: its file's word, or the owners'"),
    Column("filed_state", Text, nullable=False, server_default="held", comment="its file's own word"),
    Column("held_reason", Text),
    Column("title", Text, nullable=False),
    Column("provider", Text, nullable=False, comment="folded name, empty when unknown"),
    Column("quality", Number),
    Column("heat", Number),
    Column("points", Number, nullable=False, server_default="0", comment="heat, else quality, else 0"),
    Column("details", JSON, nullable=False, comment="what is shown and never searched by SQL"),
    Column("revision", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("gone", Boolean, nullable=False, comment="its file vanished"),
    Column("scheduled", Boolean, nullable=False, server_default="0", comment="it was there; its time is now to come"),
    Column("visible_at", Moment, comment="since when the file says published"),
    Column("unplanned", Boolean, nullable=False, comment="changed since deliveries were planned"),
    Column("story_id", Number, comment="the card that names its story; null until a channel may get it"),
)
Index("ix_cards_state_timeline", cards.c.state, cards.c.timeline)
# Answers "does the server see this hit, and how hot is it" without reading the row.
Index("ix_cards_timeline_state_heat", cards.c.timeline, cards.c.state, cards.c.heat)
# In the words that SQLAlchemy has for it: SQLite uses a partial index for nothing else.
Index("ix_cards_unplanned", cards.c.id, sqlite_where=text("unplanned = 1"), postgresql_where=text("unplanned"))
Index("ix_cards_content", cards.c.content)
Index("ix_cards_provider", cards.c.provider)
Index("ix_cards_story_id", cards.c.story_id)
Index("ix_cards_visible_at", cards.c.visible_at)
Index("ix_cards_state_points_timeline", cards.c.state, cards.c.points, cards.c.timeline)

topics = Table(
    "topics",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="folded name"),
    Column("name", Text, nullable=False),
    Column("published", Number, nullable=False, server_default="0", comment="cards published by their files"),
)

providers = Table(
    "providers",
    metadata,
    Column("key", Text, primary_key=True, comment="folded name"),
    Column("name", Text, nullable=False),
    Column("published", Number, nullable=False, server_default="0", comment="cards published by their files"),
)

card_topics = Table(
    "card_topics",
    metadata,
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("timeline", BigInteger, nullable=False),
)
Index("ix_card_topics_card_id", card_topics.c.card_id)
Index("ix_card_topics_topic_id_timeline", card_topics.c.topic_id, card_topics.c.timeline)

card_aliases = Table(
    "card_aliases",
    metadata,
    Column("alias", Text, primary_key=True, comment="normalised address"),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
)
Index("ix_card_aliases_card_id", card_aliases.c.card_id)

files = Table(
    "files",
    metadata,
    Column("root", Text, primary_key=True),
    Column("path", Text, primary_key=True, comment="below the root, with /"),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("ctime_ns", BigInteger, nullable=False, server_default="0"),
    Column("inode", BigInteger, nullable=False, server_default="0"),
    Column("digest", Text, comment="of its bytes; null: they were not read"),
    Column("card_id", ForeignKey(cards.c.id)),
    Column("problems", JSON, nullable=False),
    Column("missing_since", Moment, comment="the first look that did not find its card there"),
    Column("due_at", Moment, comment="when the card in it is to appear; null: at once"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("decided_by", BigInteger, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("picked", Boolean, nullable=False, server_default="0", comment="only for the decision's subscriptions"),
)
Index("ix_decisions_card_id", decisions.c.card_id)

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True),
    Column("guild_id", BigInteger, nullable=False, comment="0: everywhere"),
    Column("card_id", ForeignKey(cards.c.id), nullable=False),
    Column("subject", Text, nullable=False, server_default="verdict", comment="verdict, topics, state"),
    Column("before", Text),
    Column("after", Text),
    Column("only", JSON, comment="subscriptions that were picked"),
    Column("actor_id", BigInteger, nullable=False, comment="0: a file"),
    Column("source", Text, nullable=False, comment="command, button, file"),
    Column("reason", Text, nullable=False),
    Column("undoes", Number, comment="the entry that this one takes back"),
    Column("at", Moment, nullable=False),
)
Index("ix_audit_guild_id_id", audit.c.guild_id, audit.c.id)
Index("ix_audit_card_id_guild_id", audit.c.card_id, audit.c.guild_id)

card_edits = Table(
    "card_edits",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("topics", JSON, nullable=False, comment="in place of the file's, in this server"),
    Column("audit_id", ForeignKey(audit.c.id), nullable=False),
)
Index("ix_card_edits_card_id", card_edits.c.card_id)

card_edit_topics = Table(
    "card_edit_topics",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
)

flags = Table(
    "flags",
    metadata,
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("user_id", BigInteger, primary_key=True),
    Column("guild_id", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_flags_guild_id_card_id", flags.c.guild_id, flags.c.card_id)
Index("ix_flags_user_id_at", flags.c.user_id, flags.c.at)

story_keys = Table(
    "story_keys",
    metadata,
    Column("key", Text, primary_key=True, comment="what cards of one story have in common"),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
)
Index("ix_story_keys_card_id", story_keys.c.card_id)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Number, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("when", Text, nullable=False),
    Column("min_quality", Number, nullable=False),
    Column("created_by", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("times", JSON, nullable=False, server_default="[]", comment="local, HH:MM"),
    Column("days", JSON, nullable=False, server_default="[]", comment="from Monday, 0"),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("without", JSON, nullable=False, server_default="[]", comment="topics and words"),
    Column("max_cards", Number, nullable=False, server_default="10"),
    Column("layout", Text, nullable=False, server_default="cards"),
    Column("mention", BigInteger, comment="a role"),
    Column("crosspost", Boolean, nullable=False, server_default="0"),
    Column("on_withdrawal", Text, nullable=False, server_default="delete"),
    Column("skip_empty", Boolean, nullable=False, server_default="1"),
    Column("forum", Boolean, nullable=False, server_default="0"),
    Column("paused", Boolean, nullable=False, server_default="0"),
    Column("since", Moment, nullable=False, server_default="0", comment="cards visible later are new to it"),
    Column("next_at", Moment, comment="when its next digest is due"),
    Column("user_id", BigInteger, comment="whose own digest it is; null: the server's"),
    Column("shut_at", Moment, comment="when the member took no messages; null once they know"),
    Column("language", Text, comment="of its posts; null: the server's"),
    Column("trouble", Text, comment="why its last digest could not be made; null: it could"),
    Column(
        "pauses",
        JSON,
        nullable=False,
        server_default="[]",
        comment="since its last slot: from and until, microseconds since 1970; until null: paused",
    ),
    Column("member_seen_at", Moment, comment="when Discord last said that the member is in the server"),
    sqlite_autoincrement=True,
)
Index("ix_subscriptions_guild_id", subscriptions.c.guild_id)
_NEXT = text("next_at IS NOT NULL")
Index("ix_subscriptions_next_at", subscriptions.c.next_at, sqlite_where=_NEXT, postgresql_where=_NEXT)
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
    Column("passing_heat", Number, comment="stories this hot are posted all the same"),
    Column("is_quiet", Boolean, nullable=False),
    Column("turns_at", Moment, nullable=False, comment="when that changes"),
)
Index("ix_quiet_hours_turns_at", quiet_hours.c.turns_at)

deferred = Table(
    "deferred",
    metadata,
    Column("channel_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    # Each that matches: the card comes once, by any of them that is there then and not paused.
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
)

guild_settings = Table(
    "guild_settings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True),
    Column("timezone", Text, comment="the one that was chosen last"),
    Column("review_channel_id", BigInteger),
    Column("review_open", Number, nullable=False, server_default="10", comment="reviews that wait at once, at most"),
    Column("language", Text, comment="the server's on Discord; null: English"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("subscription_id", Number, nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("timeline", BigInteger, nullable=False, comment="order within the channel"),
    Column("wanted", Text, comment="what should be there: card:revision, in order"),
    Column("actual", Text, comment="what is there"),
    Column("message_id", BigInteger),
    Column("progress", Text, nullable=False),
    Column("attempts", Number, nullable=False, server_default="0"),
    Column("due_at", Moment, comment="null: nothing to do"),
    Column("sent_at", Moment, comment="when the last call to post began"),
    Column("plain", Boolean, nullable=False, server_default="0", comment="without pictures: Discord refused one"),
    Column("last_error", Text),
    Column("planned_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("slot", Text, comment="a digest's local day and time; null for a single story"),
    Column("part", Number, nullable=False, server_default="0"),
    Column("layout", Text, nullable=False, server_default="card"),
    Column("heading", Text, comment="above a digest's cards"),
    Column("mention", BigInteger, comment="a role"),
    Column("on_withdrawal", Text, nullable=False, server_default="delete"),
    Column("forum", Boolean, nullable=False, server_default="0"),
    Column("crosspost", Text, comment="wanted, done, dropped"),
    Column("crossposted_at", Moment),
    Column("user_id", BigInteger, comment="to whom it goes; null: to a channel of the server"),
    Column("language", Text, nullable=False, server_default="en"),
    Column("after_id", BigInteger, comment="whatever the last call to post brought has a later id, by Discord's clock"),
    Column("reported_at", Moment, comment="when its people were told that Discord refuses it"),
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
_UNREPORTED = text("progress = 'quarantined' AND reported_at IS NULL")
Index("ix_deliveries_unreported", deliveries.c.guild_id, sqlite_where=_UNREPORTED, postgresql_where=_UNREPORTED)

delivery_cards = Table(
    "delivery_cards",
    metadata,
    Column("delivery_id", ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("place", Number, nullable=False, comment="order within the message"),
    Column("revision", Text, comment="to be shown; null: not any more"),
    Column("shown", Boolean, nullable=False, server_default="1", comment="else the message tells its story already"),
    Column("rank", Number, comment="how a digest came to choose it: its place there, from 1; null: no digest did"),
    Column("heat", Number, comment="as it was then"),
    Column("quality", Number, comment="as it was then"),
    Column("hours", Number, comment="its age then"),
    # A channel gets a card once, by whichever subscription and in whichever form.
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
    Column("told", Boolean, nullable=False, server_default="0", comment="whether its people know"),
)

crosspost_tries = Table(
    "crosspost_tries",
    metadata,
    Column("delivery_id", Number, primary_key=True, autoincrement=False),
    Column("at", Moment, primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
)
Index("ix_crosspost_tries_channel_id_at", crosspost_tries.c.channel_id, crosspost_tries.c.at)

channel_claims = Table(
    "channel_claims",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False, comment="the courier that serves the channel"),
    Column("until", BigInteger, nullable=False, comment="microseconds since 1970 by the server's clock"),
    # Empty where one courier has the store to itself.
    info={"passing": True},
)

saved = Table(
    "saved",
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

listings = Table(
    "listings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request", JSON, nullable=False, comment="what a list's page buttons ask for again"),
    Column("used_at", Moment, nullable=False),
)
Index("ix_listings_used_at", listings.c.used_at)

requests = Table(
    "requests",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("requested_by", BigInteger, nullable=False, comment="one of the bot's owners"),
    Column("requested_at", Moment, nullable=False),
    Column("state", Text, nullable=False, comment="waiting, done, refused, failed"),
    Column("result", JSON, comment="null while it waits"),
    # Answered within minutes, and only where it was asked.
    info={"passing": True},
)
Index("ix_requests_requested_at", requests.c.requested_at)

spellings = Table(
    "spellings",
    metadata,
    Column("initial", Text, primary_key=True),
    Column("length", Number, primary_key=True, autoincrement=False),
    Column("word", Text, primary_key=True, comment="of a title, a topic or a provider, as the index sees it"),
    sqlite_with_rowid=False,
)
