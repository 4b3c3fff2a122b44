"""Skeletons, cameras and rotations in NumPy; rigid alignment in torch (only `align` imports torch at the top)."""
