"""What many tests need: a store of their own, and a Discord on loopback with a fresh world in it."""

from __future__ import annotations

import functools
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.store import Store, open_store
from tests.support.stores import (
    ON_POSTGRESQL,
    drop_databases,
    new_database,
    no_database,
    record_migrations,
    share_compiled_statements,
)
from tests.wire.client import WireDiscord
from tests.wire.process import WireProcess, point_discord_at

# A machine that is busy with other things is no reason to fail.
settings.register_profile("newsdesk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("newsdesk"), max_examples=20)
settings.load_profile("newsdesk")

_FOLDER = Path(__file__).parent
SLOW = (
    "bench",
    "client/test_gateway_frames.py",
    "client/test_sharding.py",
    "cogs/test_card_edit.py",
    "cogs/test_find_card.py",
    "cogs/test_no_english.py",
    "cogs/test_rights_of_channels.py",
    "cogs/test_sharing.py",
    "cogs/test_stories.py",
    "crash",
    "delivery/test_boundary.py",
    "delivery/test_clocks.py",
    "delivery/test_coverage.py",
    "delivery/test_crossposter.py",
    "delivery/test_faults.py",
    "delivery/test_places.py",
    "delivery/test_story_play.py",
    "delivery/test_subscription_options.py",
    "delivery/test_targets.py",
    "delivery/test_way.py",
    "demo/test_browser.py",
    "demo/test_hammer.py",
    "demo/test_story.py",
    "doctor/test_commands.py",
    "scaling",
    "soak",
    "sources/feeds/test_fetch_processor.py",
    "sources/test_any_file.py",
    "store/moderation/test_story_decisions.py",
    "store/outbox/test_coverage.py",
    "store/search/test_search_quality.py",
    "store/test_neighbour.py",
    "store/test_prerelease.py",
    "store/test_reading_walk.py",
    "store/test_stored_values.py",
    "store/transfer/test_move.py",
    "test_cli_feeds.py",
    "test_cli_trouble.py",
    "test_house_figures.py",
    "test_rejected.py",
    "test_shutdown.py",
    "ui/test_clicks.py",
    "worker/test_digest_promises.py",
    "worker/test_feed_matrix.py",
    "worker/test_resting.py",
    "worker/test_worker.py",
    "year",
)
"""Files and folders below this one that take long: `make test` leaves them to `make test-all`, which CI runs."""
ONE_CASE = ("client", "cogs", "delivery", "doctor", "intake", "monitor", "sources", "store", "ui", "wire", "worker")
"""Folders whose tests open stores and connections: of a parametrized one, `make test` runs the first case alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_below(item.path, SLOW) or (_is_below(item.path, ONE_CASE) and _is_further_case(item)):
            item.add_marker(pytest.mark.slow)


@functools.cache
def _is_below(path: Path, names: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(_FOLDER / name) for name in names)


def _is_further_case(item: pytest.Item) -> bool:
    case = getattr(item, "callspec", None)
    return case is not None and any(case.indices.values())


def pytest_collection_finish() -> None:
    # All that is imported by now stays: no collection during the tests has to look through it.
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if ON_POSTGRESQL and (mark := item.get_closest_marker("sqlite")):
        pytest.skip(f"about SQLite: {mark.args[0]}")
    if not ON_POSTGRESQL and item.get_closest_marker("postgresql"):
        pytest.skip("about PostgreSQL: make test-postgres runs it")


@pytest.fixture(autouse=True)
def _drop_databases() -> Iterator[None]:
    with drop_databases():
        yield


@pytest.fixture(autouse=True, scope="session")
def _speed_up_stores() -> Iterator[None]:
    with share_compiled_statements(), record_migrations():
        yield


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return no_database(tmp_path / "newsdesk.db")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(new_database(tmp_path / "newsdesk.db")) as opened:
        yield opened


@pytest.fixture(scope="session")
def wire_process() -> Iterator[WireProcess]:
    with WireProcess() as process:
        yield process


@pytest.fixture
async def wire(wire_process: WireProcess) -> AsyncIterator[WireDiscord]:
    with point_discord_at(wire_process.address):
        async with WireDiscord(at=wire_process.address) as wire:
            yield wire
