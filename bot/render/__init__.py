"""What a card looks like. Pure: cards in, embeds out. One renderer serves posts, previews, lists and the terminal."""
