"""Posting to Discord: deliveries turned into message payloads and sent to channels and forums."""
