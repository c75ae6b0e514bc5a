"""What is remembered, on a real SQLite file."""
