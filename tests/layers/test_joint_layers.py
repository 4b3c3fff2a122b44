"""Layers that follow the skeleton's graph, against their definitions written joint by joint."""

import numpy as np
import pytest
import torch

import srnet_core as srnet
from srnet_core.errors import ConfigError
from srnet_core.layers.graph import JointBatchNorm1d
from srnet_core.skeletons import get_skeleton

H36M = get_skeleton("h36m17")
PARENTS = (-1, 0, 1, 1, 0)  # 1 and 4 hang off the root, 2 and 3 off 1


def frames(x, w, k, dilation, stride):
    return [x[:, w * stride + n * dilation] for n in range(k)]


def test_distances_count_bones():
    distances = srnet.nn.joint_distances(H36M.parents)
    names = {name: i for i, name in enumerate(H36M.joint_names)}
    assert (distances == distances.T).all() and not distances.diagonal().any()
    for a, b, bones in (("Hip", "RFoot", 3), ("RFoot", "LFoot", 6), ("Head", "LWrist", 5), ("Thorax", "RElbow", 2)):
        assert distances[names[a], names[b]] == bones


def test_distances_of_joints_that_no_bones_connect():
    assert srnet.nn.joint_distances((1, -1, -1, 2)).tolist() == [[0, 1, 4, 4], [1, 0, 4, 4], [4, 4, 0, 1], [4, 4, 1, 0]]


def test_distances_in_a_chain_of_thousands_of_joints():
    """Powers of the adjacency took minutes for hundreds of joints."""
    joints = 2000
    distances = srnet.nn.joint_distances((-1, *range(joints - 1)))
    assert distances[0].tolist() == list(range(joints)) and distances[-1, 500] == joints - 501


def test_adjacency_is_the_normalized_one():
    adjacency = srnet.nn.normalized_adjacency(PARENTS)
    assert adjacency[0, 0] == pytest.approx(1 / 3)  # the root has two neighbours and itself
    assert adjacency[0, 1] == adjacency[1, 0] == pytest.approx(1 / np.sqrt(3 * 4))
    assert adjacency[0, 2] == 0
    assert np.linalg.eigvalsh(srnet.nn.normalized_adjacency(H36M.parents)).max() == pytest.approx(1)


@pytest.mark.parametrize(("k", "dilation", "stride"), [(1, 1, 1), (3, 2, 1), (3, 1, 3)])
@torch.no_grad()
def test_graph_convolution_joint_by_joint(k, dilation, stride):
    torch.manual_seed(0)
    adjacency = srnet.nn.normalized_adjacency(PARENTS)
    layer = srnet.nn.GraphConv1d(adjacency, 3, 4, k, bias=True).double()
    x = torch.randn(2, 9, 5, 3, dtype=torch.float64)
    y = layer.channels_last(x.flatten(2), dilation=dilation, stride=stride).unflatten(2, (5, 4))
    for w in range(y.shape[1]):
        for j in range(5):
            expected = layer.bias.expand(2, 4).clone()
            for n, frame in enumerate(frames(x, w, k, dilation, stride)):
                mixed = sum(float(adjacency[j, i]) * frame[:, i] for i in range(5))
                expected += mixed @ layer.weight[:, :, n].T
            torch.testing.assert_close(y[:, w, j], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("k", "dilation", "stride"), [(1, 1, 1), (3, 2, 1), (3, 1, 3)])
@torch.no_grad()
def test_locally_connected_layer_pair_by_pair(k, dilation, stride):
    torch.manual_seed(0)
    connected = srnet.nn.joint_distances(PARENTS) <= 1
    layer = srnet.nn.LocallyConnectedConv1d(connected, 3, 4, k).double()
    x = torch.randn(2, 9, 5, 3, dtype=torch.float64)
    y = layer.channels_last(x.flatten(2), dilation=dilation, stride=stride).unflatten(2, (5, 4))
    pairs = [(j, i) for j in range(5) for i in range(5) if connected[j, i]]
    assert len(layer.weight) == len(pairs)
    for w in range(y.shape[1]):
        for j in range(5):
            expected = layer.bias[4 * j : 4 * j + 4].expand(2, 4).clone()
            for block, (target, source) in zip(layer.weight, pairs):
                if target == j:
                    expected += sum(
                        f[:, source] @ b.T for f, b in zip(frames(x, w, k, dilation, stride), block.unbind(2))
                    )
            torch.testing.assert_close(y[:, w, j], expected, rtol=0, atol=1e-10)


@torch.no_grad()
def test_locally_connected_layer_that_connects_everything_is_a_convolution():
    torch.manual_seed(0)
    layer = srnet.nn.LocallyConnectedConv1d(np.ones((4, 4), bool), 2, 3, 3)
    conv = torch.nn.Conv1d(8, 12, 3)
    conv.weight.copy_(layer.dense_weight())
    conv.bias.copy_(layer.bias)
    x = torch.randn(2, 8, 6)
    torch.testing.assert_close(layer(x), conv(x), rtol=0, atol=1e-5)
    assert layer.weight.numel() == conv.weight.numel()


def test_each_joint_starts_with_weights_for_its_own_number_of_inputs():
    torch.manual_seed(0)
    connected = srnet.nn.joint_distances(PARENTS) <= 1
    layer = srnet.nn.LocallyConnectedConv1d(connected, 50, 50)
    for blocks, count in zip(layer.weight.split(connected.sum(1).tolist()), connected.sum(1)):
        assert float(blocks.detach().abs().max()) == pytest.approx(1 / np.sqrt(50 * count), rel=0.01)


def test_batch_norm_treats_all_joints_alike():
    torch.manual_seed(0)
    x = torch.randn(6, 5, 3) * 2 + torch.arange(5.0)[:, None]  # another mean for each joint
    norm = JointBatchNorm1d(3)
    y = norm(x.flatten(1)).unflatten(1, (5, 3))
    torch.testing.assert_close(y.mean(dim=(0, 1)), torch.zeros(3), rtol=0, atol=1e-6)
    assert (y[:, 4].mean() - y[:, 0].mean()) > 1  # joints keep their differences
    torch.testing.assert_close(norm.running_mean, 0.1 * x.mean(dim=(0, 1)))


@pytest.mark.parametrize("connected", [np.zeros((3, 3), bool), np.ones((2, 3), bool), np.ones(3, bool)])
def test_a_joint_that_sees_nothing_is_refused(connected):
    with pytest.raises(ConfigError, match="connected: must be square with at least one input joint for each joint"):
        srnet.nn.LocallyConnectedConv1d(connected, 2, 4)


@pytest.mark.parametrize("kind", [srnet.nn.GraphConv1d, srnet.nn.LearnedGraphConv1d])
def test_a_graph_convolution_is_not_made_with_the_arguments_of_a_convolution(kind):
    """As PEFT makes layers of the same type for LoRA."""
    for arguments in ((3, 4, (1,), (1,), (0,)), (3, 4, 1), (np.eye(5)[:3], 3, 4)):
        with pytest.raises(ConfigError, match="made with the adjacency of its graph"):
            kind(*arguments, bias=False)
    with pytest.raises(ConfigError, match="made with the adjacency of its graph"):
        kind(np.eye(5), 3, 4, 1, groups=1)
