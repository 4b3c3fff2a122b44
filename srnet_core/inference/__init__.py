"""Lifting of 2D keypoints with trained networks."""
