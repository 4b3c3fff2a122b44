"""The structures that are tried beside those of the package."""

import math

import pytest
import torch

import srnet_core as srnet
from benchmarks.generalization.structures import STRUCTURES, known
from srnet_core.errors import UnknownNameError


def _built(name: str, channels: int = 512):
    torch.manual_seed(0)
    with known():
        return srnet.build_model(name, filter_widths=(1, 1, 1), channels=channels)


def _keypoints(count: int = 8) -> torch.Tensor:
    x = torch.randn(count, 1, 17, 2, generator=torch.Generator().manual_seed(1))
    x[..., 0, :] = 0
    return x


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_trains_and_has_no_more_parameters_than_srnet(name):
    model, base = _built(name), srnet.build_model("srnet", filter_widths=(1, 1, 1), channels=512)
    count, most = (sum(p.numel() for p in m.parameters()) for m in (model, base))
    assert count < 1.01 * most
    assert count > 0.97 * most or name == "narrow"
    y = srnet.training_form(model)(_keypoints())
    assert y.shape == (8, 1, 17, 3)
    y.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", ["upright", "upright_bones", "upright_joints"])
def test_upright_structures_turn_with_their_input(name):
    model, x = _built(name).eval(), _keypoints()
    c, s = math.cos(0.7), math.sin(0.7)
    turn = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    torch.testing.assert_close(model(x @ turn[:2, :2].T), model(x) @ turn.T, atol=1e-5, rtol=0)


def test_structure_of_joints_predicts_a_joint_from_its_own_surroundings():
    """Without context, the right foot cannot depend on the left wrist, and does on the right knee."""
    torch.manual_seed(0)
    with known():
        model = srnet.build_model("joints", filter_widths=(1, 1, 1), context="none").eval()
    x = _keypoints(1).requires_grad_()
    names = model.skeleton.joint_names
    model(x)[0, 0, names.index("RFoot")].sum().backward()
    moved = x.grad[0, 0].abs().sum(-1) > 0
    assert moved[names.index("RKnee")] and not moved[names.index("LWrist")] and not moved[names.index("Head")]


def test_structures_are_known_only_within_the_context():
    with pytest.raises(UnknownNameError):
        srnet.build_model("upright")
