"""Message payloads, before they are sent."""
