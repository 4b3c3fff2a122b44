"""The structures that split-and-recombine is compared with: who sees whom, their sizes, training, resuming, export."""

import numpy as np
import pytest
import torch

from srnet_core.checkpoint import load_checkpoint, save_checkpoint
from srnet_core.engine import inference_form
from srnet_core.errors import ConfigError
from srnet_core.layers.graph import joint_distances
from srnet_core.layers.split_recombine import share_channels
from srnet_core.models import build_model
from srnet_core.models.lcn import build as build_lcn
from srnet_core.skeletons import get_skeleton

H36M = get_skeleton("h36m17")
STRUCTURES = ["early_split", "gcn", "group", "late_fusion", "lcn", "split_fuse_split"]
OVERLAPPING = {"lower": H36M.joint_names[:8], "upper": H36M.joint_names[7:], "limbs": H36M.joint_names[3:7]}
WITHOUT_ROOT = {"legs": H36M.joint_names[1:7], "rest": (*H36M.joint_names[7:], H36M.joint_names[0])}


def make(name, seed=0, **fields):
    torch.manual_seed(seed)
    model = build_model(name, **({"channels": 80, "filter_widths": (3, 3)} | fields)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
    return model


@torch.no_grad()
def dependence(model):
    """(J out, J in) bool: whether an output joint changes with an input joint."""
    x = torch.randn(4, model.receptive_field, 17, 2, dtype=torch.float64)
    before, rows = model(x), []
    for joint in range(17):
        changed = x.clone()
        changed[:, :, joint] += 1.0
        rows.append((model(changed) - before).abs().amax(dim=(0, 1, 3)) > 0)
    return torch.stack(rows, dim=1).numpy()


def same_part():
    """(J out, J in) bool: whether the part that predicts a joint has the other joint."""
    parts = list(H36M.group_indices(5).values())
    owner = {joint: part for part in reversed(parts) for joint in part}
    return np.array([[i in owner[j] for i in range(17)] for j in range(17)])


@pytest.mark.parametrize("name", ["srnet", "group"])
@torch.no_grad()
def test_a_joint_is_the_mean_of_what_several_divisions_predict(name):
    divisions = (2, 3, 5)
    model = make(name, divisions=divisions, filter_widths=(1, 1))
    assert model.config.groups == 10 and model.output_layer.out_channels == sum(model.output_layer.out_group_channels)
    kept = []
    model.output_layer.register_forward_hook(lambda module, given, out: kept.append(out))
    x = torch.randn(3, 1, 17, 2, dtype=torch.float64)
    pose = model(x)
    channels = kept[0].transpose(1, 2) if kept[0].shape[1] == model.output_layer.out_channels else kept[0]  # (B, 1, C)
    start, expected = 0, torch.zeros_like(pose)
    for number in divisions:
        found = set()
        for joints in H36M.group_indices(dict(H36M.groups[number])).values():
            for joint in joints:
                if joint not in found:
                    expected[:, :, joint] += channels[..., start : start + 3] / len(divisions)
                found.add(joint)
                start += 3
        assert len(found) == 17
    torch.testing.assert_close(pose, expected)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"divisions": (5,)}, "different numbers of parts, not 5"),
        ({"divisions": (2, 2)}, "different numbers"),
        ({"divisions": (2, 4)}, "no division into 4 groups, only 1, 2, 3, 5"),
        ({"divisions": (2, 3), "body_parts": OVERLAPPING}, "cannot be one of several"),
    ],
)
def test_divisions_that_cannot_be(fields, said):
    with pytest.raises(ConfigError, match=said):
        make("srnet", **fields)


def test_several_divisions_come_back_from_a_checkpoint(tmp_path):
    model = make("srnet", divisions=(5, 2)).float()
    path = save_checkpoint(tmp_path / "a.bin", model=model, epoch=1, lr=0.1, optimizer_state=None, random_state=None)
    again = load_checkpoint(path).model
    assert again.config.divisions == (5, 2)
    x = torch.randn(2, again.receptive_field, 17, 2)
    torch.testing.assert_close(again.eval()(x), model(x))


@pytest.mark.parametrize("channels", [80, 299])
def test_parts_of_the_group_network_never_meet(channels):
    """Also with 299 channels, whose shares in proportion to shares round to other numbers."""
    shares = share_channels(299, (8, 8, 10, 8, 8))
    assert share_channels(299, shares) != shares
    assert (dependence(make("group", channels=channels, filter_widths=(1, 1, 1))) == same_part()).all()


@pytest.mark.parametrize("name", ["late_fusion", "early_split", "split_fuse_split", "fc", "srnet"])
@pytest.mark.parametrize("widths", [(1,), (1, 1, 1)], ids=str)
def test_the_others_see_the_whole_body(name, widths):
    assert dependence(make(name, filter_widths=widths)).all()


def test_the_locally_connected_network_reaches_three_bones_per_layer():
    reach = joint_distances(H36M.parents)
    one_layer = make("lcn", filter_widths=(1,))
    assert (dependence(one_layer) == (reach <= 6)).all()  # the expand and the output layer
    with torch.no_grad():
        one_layer.shrink.weight.zero_()
    assert (dependence(one_layer) == np.eye(17, dtype=bool)).all()  # the residual alone


def test_the_graph_network_reaches_one_bone_per_layer():
    assert (dependence(make("gcn", filter_widths=(1,))) == (joint_distances(H36M.parents) <= 2)).all()


@torch.no_grad()
def test_learned_edges_begin_alike_sum_up_to_one_and_stay_on_the_bones():
    near = joint_distances(H36M.parents) <= 1
    model = build_model("gcn", channels=85, learned_edges=True)
    mixing = model.expand_conv.mixing(torch.zeros(1)).numpy()
    np.testing.assert_allclose(mixing, near / near.sum(1, keepdims=True), atol=1e-7)
    model = make("gcn", filter_widths=(1,), learned_edges=True)
    mixing = model.expand_conv.mixing(torch.zeros(1)).numpy()
    np.testing.assert_allclose(mixing.sum(1), 1, atol=1e-6)
    assert ((mixing > 0) == near).all() and np.unique(mixing[near].round(6)).size > 17
    assert (dependence(model) == (joint_distances(H36M.parents) <= 2)).all()
    layers = len(model.layers_conv) + 2  # the first and the last
    assert build_model("gcn", channels=85, filter_widths=(1,), learned_edges=True).num_parameters == (
        build_model("gcn", channels=85, filter_widths=(1,)).num_parameters + layers * near.sum()
    )


@torch.no_grad()
def test_learned_edges_are_folded_stored_and_read_back(tmp_path):
    model = make("gcn", filter_widths=(3, 3), learned_edges=True)
    x = torch.randn(2, 20, 17, 2, dtype=torch.float64)
    torch.testing.assert_close(inference_form(model)(x), model(x), rtol=1e-9, atol=1e-9)
    model = model.float()
    file = tmp_path / "edges.bin"
    save_checkpoint(file, model=model, epoch=1, lr=1e-3, optimizer_state=None, random_state=None)
    read = load_checkpoint(file).model
    assert read.config.learned_edges
    torch.testing.assert_close(read.eval()(x.float()), model(x.float()), rtol=1e-5, atol=1e-5)


def test_learned_edges_get_gradients_and_belong_to_the_graph_network():
    model = build_model("gcn", channels=85, learned_edges=True)
    model(torch.randn(3, 1, 17, 2)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for n, p in model.named_parameters() if "edges" in n)
    with pytest.raises(ConfigError, match="learned_edges: .*Use model gcn"):
        build_model("lcn", learned_edges=True)


@torch.no_grad()
def test_all_joints_of_the_graph_network_share_their_weights():
    """Swapping left and right in the input, a symmetry of the graph, swaps them in the output and does nothing else."""
    model = make("gcn", filter_widths=(3, 3))
    x = torch.randn(2, 9, 17, 2, dtype=torch.float64)
    mirrored = model(x[:, :, list(H36M.mirror)])[:, :, list(H36M.mirror)]
    torch.testing.assert_close(mirrored, model(x), rtol=0, atol=1e-10)
    assert (make("lcn")(x[:, :, list(H36M.mirror)])[:, :, list(H36M.mirror)] - make("lcn")(x)).abs().max() > 0.1


@pytest.mark.parametrize(
    ("name", "fused"), [("group", []), ("early_split", [0]), ("split_fuse_split", [2]), ("late_fusion", [4])]
)
def test_which_layers_are_fused(name, fused):
    model = make(name, filter_widths=(3, 3, 3))
    layers = [model.expand_conv, *model.layers_conv]
    assert [i for i, layer in enumerate(layers) if not hasattr(layer, "group_conv")] == fused
    assert hasattr(model, "shrink") == (name == "late_fusion")


@torch.no_grad()
def test_group_is_srnet_without_context():
    group, srnet = make("group", channels=1024), make("srnet", channels=1024, context="none")
    srnet.load_state_dict(group.state_dict())
    x = torch.randn(2, 12, 17, 2, dtype=torch.float64)
    torch.testing.assert_close(srnet(x), group(x), rtol=0, atol=1e-10)


def test_the_locally_connected_network_is_a_residual_to_the_keypoints():
    model = make("lcn")
    assert model.config.residual_2d
    with torch.no_grad():
        for parameter in model.shrink.parameters():
            parameter.zero_()
        x = torch.randn(1, 9, 17, 2, dtype=torch.float64)
        torch.testing.assert_close(model(x)[0, 0, :, :2], x[0, 4], rtol=0, atol=0)


def test_sizes():
    """Counted by hand for 1024 channels: 60 numbers per joint, 131 pairs of joints within three bones."""
    pairs = int((joint_distances(H36M.parents) <= 3).sum())
    lcn = build_model("lcn", filter_widths=(1,))
    assert lcn.num_parameters == pairs * 60 * (2 + 3) + 17 * 60 + 17 * 3 + 2 * 60
    gcn = build_model("gcn", filter_widths=(1,))
    assert gcn.num_parameters == 2 * 60 + 3 * 60 + 3 + 2 * 60
    assert pairs == 131
    names = ("group", "early_split", "split_fuse_split", "late_fusion", "fc")
    sizes = [build_model(name).num_parameters for name in names]
    assert sizes == sorted(sizes)
    square = 1024**2 - sum(c * c for c in build_model("group").group_channels)
    assert sizes[2] - sizes[0] == square


@pytest.mark.parametrize("name", STRUCTURES)
def test_options_that_only_fc_has_are_refused(name):
    with pytest.raises(ConfigError, match=f"there is no dense {name}"):
        build_model(name, dense=True)
    with pytest.raises(ConfigError, match="Use model fc"):
        build_model(name, num_joints_out=1)
    with pytest.raises(ConfigError, match="too few"):
        build_model(name, channels=4)


def train_steps(model, optimizer, x, y, steps):
    model.train()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model.forward_strided(x) - y).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("parts", [(), OVERLAPPING, WITHOUT_ROOT], ids=["built-in", "overlapping", "without root"])
def test_trained_saved_and_gone_on_with_it_is_the_same_run(tmp_path, name, parts):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(32, 9, 17, 2, generator=generator) * 2 - 1
    y = torch.cat([x[:, 4:5], x[:, 4:5, :, :1] * x[:, 4:5, :, 1:]], dim=-1)
    torch.manual_seed(0)
    model = build_model(name, channels=80, filter_widths=(3, 3), body_parts=parts, dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)
    losses = train_steps(model, optimizer, x, y, 12)
    assert losses[-1] < 0.8 * losses[0]
    path = save_checkpoint(
        tmp_path / "m.bin", model=model, epoch=1, lr=1e-2, optimizer_state=optimizer.state_dict(), random_state=None
    )
    loaded = load_checkpoint(path)
    assert loaded.model_config == model.config
    again = torch.optim.Adam(loaded.model.parameters(), lr=1e-2, amsgrad=True)
    again.load_state_dict(loaded.optimizer_state)
    assert train_steps(loaded.model, again, x, y, 3) == train_steps(model, optimizer, x, y, 3)


@pytest.mark.parametrize("parts", [OVERLAPPING, WITHOUT_ROOT], ids=["overlapping", "without root"])
@pytest.mark.parametrize("recombine", ["multiply", "concat"])
@torch.no_grad()
def test_srnet_with_groups_of_ones_own(parts, recombine):
    model = make("srnet", body_parts=parts, recombine=recombine, context_width=2)
    assert model.config.groups == len(parts)
    x = torch.randn(2, 11, 17, 2, dtype=torch.float64)
    windows = torch.cat([model.forward_strided(x[:, t : t + 9]) for t in range(3)], dim=1)
    torch.testing.assert_close(model(x), windows, rtol=0, atol=1e-10)
    assert dependence(model).all()


@pytest.mark.parametrize("name", ["late_fusion", "gcn"])  # the other kinds of layer: tests/export/test_export.py
def test_export_gives_the_same_poses(tmp_path, name):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from srnet_core.export.onnx import export_onnx

    torch.manual_seed(1)
    model = build_model(name, channels=40, filter_widths=(3,), causal=True)
    export = export_onnx(model, tmp_path / "m.onnx")
    assert max(export.errors) < 1e-5 * max(1, export.scale)


def test_another_skeleton_needs_no_groups_of_its_own():
    h36m32 = get_skeleton("h36m32")
    model = make("lcn", skeleton="h36m32")
    assert model.num_joints == 32 and model.hidden_channels == 64
    assert make("group", skeleton="h36m32", groups=1).num_joints == 32
    assert build_lcn(model.config, h36m32).num_parameters == model.num_parameters
