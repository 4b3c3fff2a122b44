"""Predict, measure, gather into tables."""
