"""Several runs and what they say: rates, seeds, ablations, speed, published figures."""
