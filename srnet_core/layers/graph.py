"""Graph convolution over a skeleton: all joints share their weights, and features are mixed between neighbours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srnet_core.errors import ConfigError
from srnet_core.layers.constant import Constant
from srnet_core.layers.temporal import TemporalConv1d


def joint_distances(parents: Sequence[int]) -> np.ndarray:
    """Number of bones between every two joints.

    Args:
        parents: index of the parent of each joint, -1 for the root.

    Returns:
        (J, J) integers, 0 on the diagonal.

    >>> joint_distances([-1, 0, 1])
    array([[0, 1, 2],
           [1, 0, 1],
           [2, 1, 0]])
    """
    joints = len(parents)
    children: list[list[int]] = [[] for _ in parents]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(joint)
    distances = np.full((joints, joints), joints)  # of joints that no bones connect
    np.fill_diagonal(distances, 0)
    waiting = [joint for joint, parent in enumerate(parents) if parent < 0]
    order, count = np.empty(joints, np.int64), 0
    while waiting:
        joint = waiting.pop()
        done = order[:count]
        if parents[joint] >= 0:
            distances[joint, done] = distances[done, joint] = np.minimum(distances[parents[joint], done] + 1, joints)
        order[count] = joint
        count += 1
        waiting += children[joint]
    return distances


def normalized_adjacency(parents: Sequence[int]) -> np.ndarray:
    """D^-1/2 (A + I) D^-1/2 of the skeleton's graph, with a loop at each joint (Kipf and Welling, "Semi-Supervised
    Classification with Graph Convolutional Networks", ICLR 2017, equation 2).

    Args:
        parents: index of the parent of each joint, -1 for the root.

    Returns:
        (J, J) float64, symmetric, largest eigenvalue 1.
    """
    adjacency = (joint_distances(parents) <= 1).astype(float)
    scale = 1 / np.sqrt(adjacency.sum(axis=1))
    normalized: np.ndarray = scale[:, None] * adjacency * scale
    return normalized


class GraphConv1d(TemporalConv1d):
    """Temporal convolution with the same weights for every joint, over features mixed along the skeleton:

        y_j[w] = sum over taps n of W[n] @ sum over joints i of A_ji x_i[w + n]

    Args:
        adjacency: (J, J), e.g. `normalized_adjacency`.
        in_features, out_features: numbers per joint.
        kernel_size: filter taps.
        others: no further arguments; they are taken so that the error is understood.
        bias: whether to add a bias, one number for each output feature, the same for all joints.

    Raises:
        ConfigError: `adjacency` is no square matrix, or there are further arguments: a tool tries to make a layer of
            the same type with the arguments of `nn.Conv1d`, as PEFT does for LoRA.
    """

    def __init__(
        self,
        adjacency: np.ndarray,
        in_features: int,
        out_features: int,
        kernel_size: int = 1,
        *others: Any,
        bias: bool = False,
        **settings: Any,
    ):
        shape = np.shape(adjacency)
        if len(shape) != 2 or shape[0] != shape[1] or others or settings:
            raise ConfigError(
                "a graph convolution is made with the adjacency of its graph, not with the arguments of nn.Conv1d",
                todo="Tools that make layers of the same type, such as LoRA, cannot adapt it: choose other layers",
            )
        super().__init__(in_features, out_features, kernel_size, bias=bias)
        self.adjacency = Constant(adjacency)

    def mixing(self, like: Tensor) -> Tensor:
        """(J, J) how much of each joint's features (columns) goes to each joint (rows), on the device of `like`."""
        return self.adjacency.like(like)

    def channels_last(self, x: Tensor, *, dilation: int = 1, stride: int = 1) -> Tensor:
        """(B, T, J * in_features) -> (B, W, J * out_features)."""
        nodes = x.unflatten(-1, (len(self.adjacency), -1))  # (B, T, J, in)
        mixed = self.mixing(x) @ nodes
        return super().channels_last(mixed, dilation=dilation, stride=stride).flatten(2)


class LearnedGraphConv1d(GraphConv1d):
    """Like `GraphConv1d`, with a learned weight for each edge and each loop instead of the adjacency's own.

    The weights of the edges that reach a joint are positive and sum up to one: softmax over its neighbours and itself,
    as in SemGCN (Zhao et al., "Semantic Graph Convolutional Networks for 3D Human Pose Regression", CVPR 2019, equation
    2). Unlike there, a joint and its neighbours share one weight matrix. At first all edges of a joint weigh the same.

    Args:
        adjacency: (J, J); edges are where it is not zero.
        arguments, settings: as `GraphConv1d` takes them.
    """

    def __init__(self, adjacency: np.ndarray, *arguments: Any, **settings: Any):
        super().__init__(adjacency, *arguments, **settings)
        rows, columns = np.nonzero(adjacency)
        self.rows, self.columns = Constant(rows), Constant(columns)
        self.edges = nn.Parameter(torch.zeros(len(rows)))

    def mixing(self, like: Tensor) -> Tensor:
        """(J, J) the learned weights, in the dtype and on the device of `like`."""
        joints = len(self.adjacency)
        logits = torch.full((joints, joints), -torch.inf, dtype=self.edges.dtype, device=self.edges.device)
        places = self.rows.index(self.edges), self.columns.index(self.edges)
        return logits.index_put(places, self.edges).softmax(-1).to(like)


class JointBatchNorm1d(nn.BatchNorm1d):
    """Batch normalization of the features of joints; all joints share statistics and weights.

    Input and output: (N, J * num_features), joint by joint.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(-1, self.num_features)).reshape(x.shape)  # (N * J, F) and back
