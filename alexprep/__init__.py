"""alexprep: raw images to shards to statistics."""

__version__ = "0.1.0"
