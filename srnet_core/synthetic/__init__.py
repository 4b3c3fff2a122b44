"""The generator of synthetic people: bodies, routes, poses, limits. `datasets/synthetic.py` makes data sets with it."""
