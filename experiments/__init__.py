"""One question per file; `python -m experiments <name>` runs one and writes its folder."""
