"""The exact model: sizes, arithmetic, vocabulary, file, and the folders of models."""
