"""Clips, frames, audio, mel, muxing: knows files, nothing of emotion."""
