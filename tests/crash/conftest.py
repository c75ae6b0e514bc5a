"""Stores that several processes share: a file, or a database of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.cluster import new_database
from tests.support.postgres import PostgresServer, find_programs, run_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One server per module, since tests restart it."""
    bin_ = find_programs()
    assert bin_, "make test-postgres runs on one"
    with run_server(bin_) as found:
        yield found


@pytest.fixture(params=[pytest.param("server", marks=pytest.mark.postgresql), "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"sqlite+aiosqlite:///{tmp_path / 'newsdesk.db'}"
    else:
        with new_database(request.getfixturevalue("server")) as found:
            yield found
