"""The courier: makes Discord hold what the deliveries table wants, and the clock that wakes it."""
