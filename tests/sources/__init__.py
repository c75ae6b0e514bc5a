"""Folders in, a store that follows them out."""
