"""Parse front matter into a valid `Card`, or report `Problem`s. Pure: nothing here reads files or the clock."""
