"""Skeletons, cameras, rotations and rigid alignment. NumPy only."""
