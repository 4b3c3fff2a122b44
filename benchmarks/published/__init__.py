"""Reads the recorded outputs of the published code and runs ours on the same inputs; the tests compare the two."""
