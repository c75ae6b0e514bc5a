"""Pictures of the bot's screens, taken in the demo."""
