"""Predict, measure, gather into tables."""

RARENESS = ("mean", "kernel", "nearest")
"""The measures of how rare a pose is, see `rareness`; here, where reading them imports nothing."""
