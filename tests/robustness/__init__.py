"""Trials of what must never happen: lost work, silent damage, a traceback. `python -m robustness` makes the table."""
