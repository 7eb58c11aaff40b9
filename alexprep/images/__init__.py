"""From the bytes of a picture to a square of RGB levels: the only path, also for prediction."""
