"""The discord.py side: the client, error replies, persistent buttons, and the poster that the courier drives."""
