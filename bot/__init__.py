"""Newsdesk: news cards from Markdown files, delivered to Discord."""
