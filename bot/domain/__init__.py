"""Domain logic as pure functions: card visibility, desired channel contents, scheduling and retries."""
