"""File formats, without knowledge of any data set."""
