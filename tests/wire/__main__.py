"""``python -m tests.wire``: serves one Discord on loopback until it is stopped."""

import argparse
import asyncio
import json
from contextlib import suppress
from pathlib import Path

from tests.wire.server import serve_until_stopped


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wire", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument("--state", type=Path, help="a JSON file with what /control/reset takes, to begin with")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end together with the parent process")
    options = parser.parse_args()
    start = json.loads(options.state.read_text(encoding="utf-8")) if options.state else {}
    with suppress(KeyboardInterrupt):
        asyncio.run(serve_until_stopped(options.port, start, until_stdin_closes=options.until_stdin_closes))


if __name__ == "__main__":
    main()
