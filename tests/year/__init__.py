"""A year of news on a clock that leaps from event to event: what the calendar asked for against what came."""
