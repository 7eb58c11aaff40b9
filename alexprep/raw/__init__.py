"""Raw sets: one file per layout, one small interface (source.py); detect.py chooses."""
