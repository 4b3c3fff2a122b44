"""Skeletons, cameras and rotations in NumPy; rigid alignment in torch (`align`, the only one to import it)."""
