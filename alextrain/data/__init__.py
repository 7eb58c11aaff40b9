"""Shards to batches: order, draws, loading ahead, caching, moving to the device."""
