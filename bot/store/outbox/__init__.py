"""The outbox: what is to be posted, planned in SQL and worked off by couriers."""
