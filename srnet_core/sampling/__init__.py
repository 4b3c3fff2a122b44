"""Batches of windows, gathered from frames that are stored once."""
