"""Tokens of the HTTP intake are stored as hashes; answers are kept for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from bot.cards.model import SourceKind
from bot.domain.intake import IntakePolicy, IntakeToken, generate_token, hash_token
from bot.errors import UserError
from bot.store import Store
from bot.store.database import open_database
from bot.store.intake import ANSWER_RETENTION, StoredAnswer
from bot.store.tables import intake_answers, intake_tokens
from tests.support.cards import NOW

TOKEN = generate_token()


async def create_token(
    store: Store,
    name: str,
    source: str = "ci",
    policy: IntakePolicy = IntakePolicy.PUBLISHED,
    token: str = TOKEN,
    guild_id: int | None = None,
) -> IntakeToken:
    return await store.intake.create_token(name, source, policy, hash_token(token), NOW, guild_id)


async def test_a_token_is_found_by_its_hash_and_by_nothing_else(store: Store) -> None:
    made = await create_token(store, "a")
    assert await store.intake.find_token(hash_token(TOKEN)) == made
    for other in (TOKEN, hash_token(TOKEN).upper(), hash_token(TOKEN)[:-1], "", hash_token(generate_token())):
        assert await store.intake.find_token(other) is None


async def test_the_token_itself_is_in_no_column(store: Store, database_url: str) -> None:
    await create_token(store, "a")
    async with open_database(database_url) as database, database.begin_read() as connection:
        (row,) = (await connection.execute(select(intake_tokens))).all()
    assert TOKEN not in str(row)
    assert TOKEN.removeprefix("newsdesk_") not in str(row)


def test_tokens_are_long_and_never_the_same() -> None:
    made = {generate_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(token) >= len("newsdesk_") + 43 for token in made)


async def test_tokens_of_one_source_share_it_and_are_listed_by_name(store: Store) -> None:
    second = await create_token(store, "b", token="2")
    first = await create_token(store, "a", policy=IntakePolicy.HELD, token="1")
    other = await create_token(store, "c", source="other", token="3")
    assert await store.intake.list_tokens() == [first, second, other]
    assert first.source_id == second.source_id != other.source_id
    assert await store.cards.importer.ensure_source(SourceKind.HTTP, "ci") == first.source_id


async def test_a_name_is_taken_until_its_token_is_revoked(store: Store) -> None:
    await create_token(store, "a", token="1")
    with pytest.raises(UserError, match="There is a token named a already"):
        await create_token(store, "a", token="2")
    assert await store.intake.revoke_token("a")
    assert not await store.intake.revoke_token("a")
    await create_token(store, "a", token="2")
    assert await store.intake.find_token(hash_token("1")) is None


async def test_a_source_is_everybodys_or_of_one_server(store: Store) -> None:
    shared = await create_token(store, "a", token="1")
    own = await create_token(store, "b", source="own", token="2", guild_id=5)
    again = await create_token(store, "c", source="own", token="3", guild_id=5)
    assert await store.intake.list_tokens() == [shared, own, again]
    assert (shared.guild_id, own.guild_id, own.source_id) == (None, 5, again.source_id)
    assert await store.intake.find_token(hash_token("2")) == own
    for source, guild_id, whose in (("own", None, "server 5"), ("own", 6, "server 5"), ("ci", 5, "all servers")):
        with pytest.raises(UserError, match=f"The cards of the source {source} are for {whose}"):
            await create_token(store, "d", source=source, token="4", guild_id=guild_id)


async def test_its_use_is_recorded(store: Store) -> None:
    made = await create_token(store, "a")
    await store.intake.mark_used(made.id, NOW + timedelta(hours=1))
    (listed,) = await store.intake.list_tokens()
    assert listed.last_used_at == NOW + timedelta(hours=1)


async def test_a_policy_that_nobody_knows_is_the_careful_one(store: Store, database_url: str) -> None:
    await create_token(store, "a")
    async with open_database(database_url) as database, database.begin_write() as connection:
        await connection.execute(update(intake_tokens).values(policy="loud"))
    (listed,) = await store.intake.list_tokens()
    assert listed.policy is IntakePolicy.HELD


async def test_an_answer_is_kept_for_a_day_and_belongs_to_its_token(store: Store) -> None:
    one, two = await create_token(store, "a", token="1"), await create_token(store, "b", token="2")
    first, second = StoredAnswer("x", {"id": 1, "notes": ["ß"]}), StoredAnswer("y", {"id": 2})
    await store.intake.store_answer(one.id, "k", first, NOW)
    assert await store.intake.find_answer(one.id, "k", NOW + ANSWER_RETENTION - timedelta(seconds=1)) == first
    assert await store.intake.find_answer(one.id, "k", NOW + ANSWER_RETENTION) is None
    assert await store.intake.find_answer(one.id, "K", NOW) is None
    assert await store.intake.find_answer(two.id, "k", NOW) is None
    await store.intake.store_answer(one.id, "k", second, NOW + ANSWER_RETENTION)
    assert await store.intake.find_answer(one.id, "k", NOW + ANSWER_RETENTION) == second


async def test_expired_answers_and_those_of_a_revoked_token_are_deleted(store: Store, database_url: str) -> None:
    one, two = await create_token(store, "a", token="1"), await create_token(store, "b", token="2")
    for key, at in (("old", NOW), ("new", NOW + timedelta(hours=1))):
        await store.intake.store_answer(one.id, key, StoredAnswer("x", {}), at)
    await store.intake.store_answer(two.id, "new", StoredAnswer("x", {}), NOW + timedelta(hours=1))
    await store.intake.delete_old(NOW + ANSWER_RETENTION)
    assert await count_answers(database_url) == 2
    await store.intake.revoke_token("a")
    assert await count_answers(database_url) == 1


async def count_answers(database_url: str) -> int:
    async with open_database(database_url) as database, database.begin_read() as connection:
        return int((await connection.execute(select(func.count()).select_from(intake_answers))).scalar_one())
