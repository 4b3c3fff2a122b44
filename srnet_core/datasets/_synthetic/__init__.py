"""How the synthetic people are made: bodies, ways, poses, limits. Used by `datasets/synthetic.py` only."""
