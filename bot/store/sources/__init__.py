"""Sources that are fetched or followed: feeds with their state and their items, and who follows them."""
