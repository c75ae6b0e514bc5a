"""The bot as a process of its own against the wire Discord, killed at any point: nothing lost, nothing repeated."""
