"""The trained network in use: predict, features, neighbours, probe."""
