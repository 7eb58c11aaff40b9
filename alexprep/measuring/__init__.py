"""Exact integer sums over images, and the statistics made of them."""
