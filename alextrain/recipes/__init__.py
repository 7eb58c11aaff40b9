"""Trainings by name: a TOML file each, and how they are read."""
