"""What a card is: front matter in, a valid `Card` or a `Problem` out. Pure: nothing here reads a file or a clock."""
