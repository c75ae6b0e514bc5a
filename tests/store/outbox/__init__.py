"""The outbox: planning, leases, the queue."""
