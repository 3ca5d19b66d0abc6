"""Published texts: sizes, hashes and downloads."""
