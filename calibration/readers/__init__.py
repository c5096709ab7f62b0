"""Readers of the files that agencies publish: every layout becomes the same long table (docs/data.md)."""
