"""Trained networks put to use on keypoints from anywhere."""
