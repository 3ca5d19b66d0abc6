"""Published texts: their sizes and hashes, and how they are fetched."""
