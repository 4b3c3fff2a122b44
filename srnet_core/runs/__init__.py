"""Runs on disk: found, read, compared."""
