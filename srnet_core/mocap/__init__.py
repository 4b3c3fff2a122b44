"""From motion capture to poses of Human3.6M's 17 joints: metres, z up, one frame rate, no gaps."""
