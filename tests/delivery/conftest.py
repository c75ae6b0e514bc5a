"""A bot on the wire Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.line import WireHarness, open_wire_harness
from tests.wire.client import WireDiscord


@pytest.fixture
async def harness(wire: WireDiscord, tmp_path: Path) -> AsyncIterator[WireHarness]:
    async with open_wire_harness(wire, tmp_path) as harness:
        yield harness
