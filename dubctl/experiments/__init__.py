"""The paper's experiments: variants trained, dubbed and scored alike, from one configuration file each."""
