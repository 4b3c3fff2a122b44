"""The temporal convolution takes the arguments of `nn.Conv1d` and refuses values that its calls decide."""

import pytest
import torch

from srnet_core.errors import ConfigError
from srnet_core.layers.temporal import TemporalConv1d, call_channels_last, norm_channels_last


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


@pytest.mark.parametrize("frames", [7, 20])
@pytest.mark.parametrize("bias", [False, True])
def test_without_gradients_a_layer_and_its_norm_compute_the_same(frames, bias):
    """They take another form then, with another order in memory."""
    torch.manual_seed(0)
    layer, norm = TemporalConv1d(6, 8, 3, bias=bias), torch.nn.BatchNorm1d(8).eval()
    norm.running_mean.normal_()
    x = torch.randn(2, frames, 6)
    expected = norm_channels_last(norm, call_channels_last(layer, x, dilation=3))
    with torch.no_grad():
        found = norm_channels_last(norm, call_channels_last(layer, x, dilation=3))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
