"""Front end, cross-modal aligner, emotion-knowledge synthesizer, vocoder."""
