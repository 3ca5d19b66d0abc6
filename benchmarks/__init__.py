"""The published figures and their data: `python -m benchmarks.NAME`, see README.md."""
