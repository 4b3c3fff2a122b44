"""The generator of synthetic people: bodies, routes, poses, limits. `datasets/synthetic.py` makes a data set with it."""
