"""The four emotion extractors (scene, face, text, audio) and their backends."""
