"""The tables. Moments are whole microseconds since 1970 (UTC), so that they compare and index alike on every engine."""

from __future__ import annotations

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
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> Any:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


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
    Column("id", Integer, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    # Order by time, unique: the full-text row's id as well, so that "newest first" needs no sorting.
    Column("timeline", BigInteger, nullable=False, unique=True),
    Column("published_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("held_reason", Text),
    Column("title", Text, nullable=False),
    Column("provider", Text, nullable=False, comment="folded name, empty when unknown"),
    Column("quality", Integer),
    Column("heat", Integer),
    Column("details", JSON, nullable=False, comment="what is shown and never searched by SQL"),
    Column("revision", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("gone", Boolean, nullable=False, comment="its file vanished"),
    Column("visible_at", Moment, comment="since when the file says published"),
    Column("unplanned", Boolean, nullable=False, comment="changed since deliveries were planned"),
)
Index("ix_cards_state_timeline", cards.c.state, cards.c.timeline)
# Answers "does the server see this hit, and how hot is it" without reading the row.
Index("ix_cards_timeline_state_heat", cards.c.timeline, cards.c.state, cards.c.heat)
Index("ix_cards_unplanned", cards.c.id, sqlite_where=text("unplanned"), postgresql_where=text("unplanned"))
Index("ix_cards_content", cards.c.content)
Index("ix_cards_provider", cards.c.provider)

topics = Table(
    "topics",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="folded name"),
    Column("name", Text, nullable=False),
    Column("published", Integer, nullable=False, server_default="0", comment="cards published by their files"),
)

providers = Table(
    "providers",
    metadata,
    Column("key", Text, primary_key=True, comment="folded name"),
    Column("name", Text, nullable=False),
    Column("published", Integer, nullable=False, server_default="0", comment="cards published by their files"),
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
    Column("card_id", ForeignKey(cards.c.id)),
    Column("problems", JSON, nullable=False),
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
)
Index("ix_decisions_card_id", decisions.c.card_id)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("card_id", ForeignKey(cards.c.id), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("actor_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False, comment="command, button"),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_audit_guild_id_id", audit.c.guild_id, audit.c.id)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("when", Text, nullable=False),
    Column("min_quality", Integer, nullable=False),
    Column("created_by", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_subscriptions_guild_id", subscriptions.c.guild_id)

subscription_topics = Table(
    "subscription_topics",
    metadata,
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("topic_id", ForeignKey(topics.c.id), primary_key=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscription_id", Integer, nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("card_id", ForeignKey(cards.c.id), nullable=False),
    Column("timeline", BigInteger, nullable=False, comment="order within the channel"),
    Column("wanted", Text, comment="revision that should be there"),
    Column("actual", Text, comment="revision that is there"),
    Column("message_id", BigInteger),
    Column("progress", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Moment, comment="null: nothing to do"),
    Column("sent_at", Moment, comment="when the last call to post began"),
    Column("plain", Boolean, nullable=False, server_default="0", comment="without pictures: Discord refused one"),
    Column("last_error", Text),
    Column("planned_at", Moment, nullable=False),
    Column("settled_at", Moment),
    # A channel with two subscriptions gets a card once.
    UniqueConstraint("channel_id", "card_id"),
    sqlite_autoincrement=True,
)
Index("ix_deliveries_card_id", deliveries.c.card_id)
Index("ix_deliveries_due_at", deliveries.c.due_at, sqlite_where=text("due_at IS NOT NULL"))
Index("ix_deliveries_channel_id_due_at", deliveries.c.channel_id, sqlite_where=text("due_at IS NOT NULL"))

circuits = Table(
    "circuits",
    metadata,
    Column("channel_id", BigInteger, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("probe_at", Moment, nullable=False),
)

saved = Table(
    "saved",
    metadata,
    Column("user_id", BigInteger, primary_key=True),
    Column("card_id", ForeignKey(cards.c.id), primary_key=True),
    Column("saved_at", Moment, nullable=False),
)

listings = Table(
    "listings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request", JSON, nullable=False, comment="what a list's page buttons ask for again"),
    Column("used_at", Moment, nullable=False),
)
