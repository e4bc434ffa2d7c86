"""The multimodal Reference Footage Library (MRFL): schema, store, index, retrieval."""
