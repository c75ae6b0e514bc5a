"""What a card looks like, and that Discord takes it."""
