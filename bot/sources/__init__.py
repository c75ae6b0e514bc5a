"""Card sources: folders of files that are read at startup, rescanned periodically and watched in between."""
