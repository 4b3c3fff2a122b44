"""Messages of the library in the words of the command line."""

import pytest

from srnet_cli.wording import as_options


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Say which with layout=, e.g. layout='h36m17'", "Say which with --layout, e.g. --layout h36m17"),
        ("Say format='movenet' where y comes first", "Say --format movenet where y comes first"),
        ("Give it with fps=.", "Give it with --fps."),
        ("the page-layout is wide", "the page-layout is wide"),
    ],
)
def test_arguments_are_named_as_options(text, shown):
    assert as_options(text) == shown
