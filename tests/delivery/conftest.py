"""A bot on the wire Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.line import Line, a_line
from tests.wire.client import WireDiscord


@pytest.fixture
async def line(wire: WireDiscord, tmp_path: Path) -> AsyncIterator[Line]:
    async with a_line(wire, tmp_path) as line:
        yield line
