"""Evaluation metrics behind one interface."""
