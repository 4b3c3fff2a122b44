"""Layers for networks of your own, also available as `srnet_core.nn`.

>>> import torch, srnet_core as srnet
>>> layer = srnet.nn.SplitRecombineConv1d(
...     groups=[[0, 1, 2, 3], [0, 4, 5, 6]], features_per_node=2, out_channels=64, kernel_size=3)
>>> layer(torch.zeros(8, 14, 27)).shape
torch.Size([8, 64, 25])
"""

from srnet_core.layers.decoder import SplitRecombineDecoder, join_parts
from srnet_core.layers.graph import GraphConv1d, LearnedGraphConv1d, joint_distances, normalized_adjacency
from srnet_core.layers.locally_connected import LocallyConnectedConv1d
from srnet_core.layers.split_recombine import SplitRecombineConv1d, SplitRecombineLinear
from srnet_core.layers.temporal import TemporalConv1d

__all__ = [
    "GraphConv1d",
    "LearnedGraphConv1d",
    "LocallyConnectedConv1d",
    "SplitRecombineConv1d",
    "SplitRecombineDecoder",
    "SplitRecombineLinear",
    "TemporalConv1d",
    "join_parts",
    "joint_distances",
    "normalized_adjacency",
]
