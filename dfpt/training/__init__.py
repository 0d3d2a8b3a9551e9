"""The epoch loop and what it stands on: views, cached features, precision, checkpoints."""
