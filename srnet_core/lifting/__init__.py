"""2D keypoints of any tool in, 3D poses out, written for the programs people work in."""
