"""The command line: a thin skin over `shazip.archive`; the only part of the package that prints."""
