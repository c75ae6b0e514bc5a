"""Subscriptions of channels and members."""
