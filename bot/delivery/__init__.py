"""Send deliveries to Discord: the courier, the crossposter, and the scheduler that triggers them."""
