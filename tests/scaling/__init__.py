"""The arithmetic of growth: a day of news for a hundred thousand servers, simulated and calculated; `make scaling`."""
