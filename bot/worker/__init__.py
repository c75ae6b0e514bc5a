"""The background worker: load cards, plan deliveries and digests, and deliver them."""
