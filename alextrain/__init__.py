"""alextrain: shards to a trained and usable AlexNet."""

__version__ = "0.1.0"
