"""A year of news on a clock that leaps from event to event: what the calendar requires against what came."""
