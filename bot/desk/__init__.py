"""The decisions, as pure functions of their arguments: who sees a card, what is wanted in a channel, when to retry."""
