"""A calibration of two cameras as Pose2Sim and Anipose write it: metres, z up, looking at the origin."""

CALIBRATION = """
[front]
size = [1920, 1080]
matrix = [[1500, 0, 960], [0, 1500, 540], [0, 0, 1]]
rotation = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
translation = [0, 1, 6]
distortions = [0.01, 0, 0, 0]

[left]
size = [1920, 1080]
matrix = [[1500, 0, 960], [0, 1500, 540], [0, 0, 1]]
rotation = [[0, 1, 0], [0, 0, -1], [-1, 0, 0]]
translation = [0, 1, 6]
distortions = [0, 0, 0, 0]
"""
