"""Datasets, losses, training loop, checkpoints."""
