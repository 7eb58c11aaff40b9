"""Files behind URLs: ranges are read, some failures tried again, and then one sentence said."""
