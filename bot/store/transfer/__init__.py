"""Export, import, restore, and moving a store to another database."""
