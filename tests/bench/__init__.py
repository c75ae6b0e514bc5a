"""Speed, measured: run by hand, not with the tests."""
