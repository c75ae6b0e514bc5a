"""Moderation: decisions, their audit log, reports by members, reviews and the queue."""
