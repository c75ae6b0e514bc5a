"""Where cards come from: a folder of files, read at start, compared from time to time and watched in between."""
