"""A whole set of shards: what stands, what is to be made, its end; parts and their merging."""
