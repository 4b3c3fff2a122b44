"""How the synthetic people are made: bodies, ways, poses, limits. `datasets/synthetic.py` makes a data set of them."""
