"""What is stored about single members."""
