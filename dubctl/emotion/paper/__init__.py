"""The paper's own models behind the emotion interfaces; each part is named in the `[paper]` table of the settings."""
