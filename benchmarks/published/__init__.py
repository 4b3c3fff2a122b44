"""Reading the recorded outputs of the published code, and running ours on the same inputs; the tests compare the two."""
