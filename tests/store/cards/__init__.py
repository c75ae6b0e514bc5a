"""Cards in the store: queries, visibility, stories."""
