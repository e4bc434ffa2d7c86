"""The three progressive emotion graphs and their Graph Attention Encoder."""
