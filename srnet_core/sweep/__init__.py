"""Sweeps: many runs from one file, on one machine or many, resumable at any moment, summed up in one table."""
