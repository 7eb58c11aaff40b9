"""A run as a page, and the pictures on it."""
