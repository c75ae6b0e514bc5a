"""Moving a store to another database."""
