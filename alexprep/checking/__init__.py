"""Is a set what it claims to be: verify, repair, compare."""
