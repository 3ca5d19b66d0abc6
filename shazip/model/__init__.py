"""The exact model: sizes, arithmetic, file, and where models are found."""
