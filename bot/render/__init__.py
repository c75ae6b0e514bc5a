"""Pure rendering, from cards to embeds. One renderer serves posts, previews, lists and the terminal."""
