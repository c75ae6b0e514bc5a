"""Files in, cards or problems out."""
