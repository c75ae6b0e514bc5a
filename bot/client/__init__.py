"""The discord.py side: client, error replies, persistent components, and the poster that the courier uses."""
