"""Sets of others taken as they are, and ours given out as folders."""
