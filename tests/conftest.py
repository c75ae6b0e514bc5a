"""What many tests need: a store of their own, and a Discord on loopback with a fresh world in it."""

from __future__ import annotations

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


SLOW = (
    "bench",
    "cogs/test_no_english.py",
    "cogs/test_rights_of_channels.py",
    "crash",
    "delivery/test_boundary.py",
    "delivery/test_clocks.py",
    "delivery/test_places.py",
    "delivery/test_way.py",
    "demo/test_browser.py",
    "demo/test_hammer.py",
    "demo/test_story.py",
    "scaling",
    "soak",
    "store/test_neighbour.py",
    "store/test_prerelease.py",
    "store/test_stored_values.py",
    "store/transfer/test_move.py",
    "test_cli_trouble.py",
    "test_rejected.py",
    "test_shutdown.py",
    "test_wheel.py",
    "ui/test_clicks.py",
    "worker/test_digest_promises.py",
    "worker/test_feed_matrix.py",
    "worker/test_resting.py",
    "year",
)
"""Files and folders below this one that take long: `make test` leaves them to `make test-all`, which CI runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    slow = [folder / name for name in SLOW]
    for item in items:
        if any(item.path.is_relative_to(each) for each in slow):
            item.add_marker(pytest.mark.slow)


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
