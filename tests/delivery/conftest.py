"""One wire Discord for all tests of this folder that ask for it, and a fresh world in it for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.line import Line, a_line
from tests.wire.client import WireDiscord
from tests.wire.process import WireProcess, pointed_at


@pytest.fixture(scope="session")
def wire_process() -> Iterator[WireProcess]:
    with WireProcess() as process:
        yield process


@pytest.fixture
async def line(wire_process: WireProcess, tmp_path: Path) -> AsyncIterator[Line]:
    with pointed_at(wire_process.address):
        async with WireDiscord(at=wire_process.address) as wire, a_line(wire, tmp_path) as line:
            yield line
