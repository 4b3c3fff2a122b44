"""From frames that are there once to batches of windows."""
