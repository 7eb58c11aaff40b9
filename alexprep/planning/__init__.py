"""Sources and settings to classes, shards and tasks: pure, the same on any machine."""
