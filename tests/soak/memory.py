"""How the bot's memory goes over a run."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from tests.soak.process import resident_memory


@dataclass(slots=True)
class MemorySamples:
    """Samples of resident memory: seconds since the first one, and MB."""

    pid: int
    every: float = 2.0
    samples: list[tuple[float, float]] = field(default_factory=list)

    async def sample_memory(self) -> None:
        """Until cancelled."""
        began = time.monotonic()
        while True:
            self.samples.append((time.monotonic() - began, resident_memory(self.pid)))
            await asyncio.sleep(self.every)

    def memory_at(self, share: float) -> float:
        """MB at a share of the time, 0 to 1."""
        return self.samples[round(share * (len(self.samples) - 1))][1]

    @property
    def highest(self) -> float:
        return max(size for _, size in self.samples)

    @property
    def slope(self) -> float:
        """MB an hour over the second half: the straight line that fits it best."""
        half = self.samples[len(self.samples) // 2 :]
        if len(half) < 2:
            return 0.0
        middle = sum(at for at, _ in half) / len(half)
        level = sum(size for _, size in half) / len(half)
        spread = sum((at - middle) ** 2 for at, _ in half)
        return 3600 * sum((at - middle) * (size - level) for at, size in half) / spread
