"""Subscriptions of channels and of members, and the settings of servers."""
