"""A recipe and shards to a trained network: steps, rates, checkpoints, evaluation, the run."""
