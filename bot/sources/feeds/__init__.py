"""Feeds: fetch, read and follow them, and read the pages behind links."""
