"""The temporal convolution takes the arguments of `nn.Conv1d` and refuses values that its calls decide."""

import pytest
import torch

from srnet_core.errors import ConfigError
from srnet_core.layers.temporal import TemporalConv1d


def test_it_is_made_with_the_arguments_of_a_convolution_of_torch():
    torch.manual_seed(0)
    ours = TemporalConv1d(4, 6, (3,), (1,), (0,), (1,), 1, True)
    torch.manual_seed(0)
    theirs = torch.nn.Conv1d(4, 6, 3)
    x = torch.randn(2, 4, 9)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("values", [{"stride": 3}, {"padding": 1}, {"dilation": 2}, {"groups": 2}], ids=str)
def test_what_a_call_decides_is_refused(values):
    with pytest.raises(ConfigError, match="no stride, padding, dilation or groups of its own"):
        TemporalConv1d(4, 6, 3, **values)
