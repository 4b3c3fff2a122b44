"""How often tests try something that is drawn at random."""

import os

ALL = "SRNET_ALL_TRIES"  # set by tests/conftest.py


def tries(number: int) -> int:
    """That number with `pytest --all` or where test files are named, a third of it in `make test`."""
    return number if os.environ.get(ALL) == "1" else -(-number // 3)
