"""Animated characters drawn by code: faces, scenes, mouths and films for `models/recipes/drawn_films.py`."""
