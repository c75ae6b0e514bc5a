"""The background worker, on a clock that the test moves and with real time."""
