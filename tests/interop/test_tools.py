"""Packages that count, store, adapt or train torch networks. `make interop` installs them."""

import copy

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from srnet_core.engine import inference_form
from srnet_core.errors import ConfigError
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models import build_model

MODELS = ("srnet", "fc", "group", "late_fusion", "early_split", "split_fuse_split", "gcn", "lcn")
WINDOW = torch.randn(1, 9, 17, 2, generator=torch.Generator().manual_seed(0))
CLIP = torch.randn(2, 30, 17, 2, generator=torch.Generator().manual_seed(1))
# products of `fc` for one window, filter widths (3, 3) and 68 channels: three positions, then one, one and the output
FC_MULTIPLY_ADDS = 3 * 34 * 3 * 68 + 68 * 3 * 68 + 68 * 68 + 68 * 51
OF_CONVOLUTIONS = [name for name in MODELS if name not in ("gcn", "lcn")]  # all weights are those of `nn.Conv1d`


def multiply_adds(model):
    """Products for one window of 9 frames: three positions of the first layer, one of each other."""
    weights = [(key, module.weight) for key, module in model.named_modules() if isinstance(module, torch.nn.Conv1d)]
    return sum(weight.numel() * (3 if key.startswith("expand_conv") else 1) for key, weight in weights)


def make(name, **settings):
    torch.manual_seed(0)
    return build_model(name, **{"channels": 68, "filter_widths": (3, 3), **settings})


def test_torch_counts_operations():
    with FlopCounterMode(display=False) as counter:
        make("fc").eval()(WINDOW)
    assert counter.get_total_flops() == 2 * FC_MULTIPLY_ADDS


def test_fvcore_counts_operations(package):
    flop_count = package("fvcore.nn").FlopCountAnalysis
    found = {name: flop_count(make(name).eval(), WINDOW).unsupported_ops_warnings(False).total() for name in MODELS}
    assert FC_MULTIPLY_ADDS <= found["fc"] < 1.1 * FC_MULTIPLY_ADDS  # it adds those of BatchNorm
    for name in OF_CONVOLUTIONS:
        assert multiply_adds(make(name)) <= found[name] < 1.1 * multiply_adds(make(name))
    assert all(count > 1000 for count in found.values())


@pytest.mark.parametrize("name", MODELS)
def test_torchinfo_counts_parameters(package, name):
    model = make(name).eval()
    found = package("torchinfo").summary(model, input_data=WINDOW, verbose=0)
    assert found.total_params == model.num_parameters
    if name in OF_CONVOLUTIONS:
        assert multiply_adds(model) <= found.total_mult_adds < 1.1 * multiply_adds(model)


@pytest.mark.parametrize("name", OF_CONVOLUTIONS)
def test_thop_counts_operations_once_it_is_told_the_type_of_full_layers(package, name):
    thop = package("thop")
    count = package("thop.vision.basic_hooks").count_convNd
    found, _ = thop.profile(make(name).eval(), (WINDOW,), custom_ops={TemporalConv1d: count}, verbose=False)
    assert multiply_adds(make(name)) <= found < 1.2 * multiply_adds(make(name))  # it adds those of BatchNorm


@pytest.mark.parametrize("name", MODELS)
def test_safetensors_stores_weights(package, tmp_path, name):
    safetensors = package("safetensors.torch")
    model, other = make(name).eval(), make(name)
    safetensors.save_model(model, str(tmp_path / "model.safetensors"))
    torch.nn.init.zeros_(other.expand_bn.weight)
    safetensors.load_model(other, str(tmp_path / "model.safetensors"))
    with torch.no_grad():
        torch.testing.assert_close(other.eval()(CLIP), model(CLIP), rtol=0, atol=0)


@pytest.mark.parametrize("targets", [["layers_conv.1", "shrink"], ["expand_conv", "layers_conv.0", "layers_conv.2"]])
def test_peft_adapts_layers(package, targets):
    """LoRA makes layers of the same type and calls them without dilation and stride."""
    peft, model = package("peft"), make("fc").eval()
    settings = peft.LoraConfig(target_modules=targets, r=4, init_lora_weights=False)
    adapted = peft.get_peft_model(copy.deepcopy(model), settings)
    with torch.no_grad():  # one window at a time, and all frames of the clip
        windows = CLIP.unfold(1, model.receptive_field, 1).movedim(-1, 2).flatten(0, 1)
        by_window = adapted(windows).view(len(CLIP), -1, 17, 3)
        torch.testing.assert_close(by_window, adapted(CLIP), rtol=0, atol=1e-5)
    optimizer = torch.optim.SGD([p for p in adapted.parameters() if p.requires_grad], 0.1)
    adapted(CLIP).square().mean().backward()
    optimizer.step()
    merged = adapted.eval()(CLIP)
    assert (merged - model(CLIP)).abs().max() > 1e-3
    with torch.no_grad():
        torch.testing.assert_close(inference_form(adapted.base_model.model)(CLIP), merged, rtol=0, atol=1e-5)
        plain = adapted.merge_and_unload()
        assert type(plain.shrink) is TemporalConv1d
        torch.testing.assert_close(plain(CLIP), merged, rtol=0, atol=1e-5)


SPLIT_TARGETS = {
    "srnet": r".*(group_conv|m_conv)\.\d+",
    "group": r".*group_conv\.\d+",
    "late_fusion": r".*(group_conv\.\d+|shrink|layers_conv\.1)",
    "early_split": r".*(group_conv\.\d+|expand_conv)",
    "split_fuse_split": r".*(group_conv\.\d+|layers_conv\.0)",
}


@pytest.mark.parametrize("name", SPLIT_TARGETS)
def test_peft_adapts_the_convolutions_of_groups(package, name):
    """They are called once they are wrapped; the numbers are those of the merged weights, in every form."""
    peft, model = package("peft"), make(name).eval()
    settings = peft.LoraConfig(target_modules=SPLIT_TARGETS[name], r=2, init_lora_weights=False)
    adapted = peft.get_peft_model(copy.deepcopy(model), settings)
    trained = [p for p in adapted.parameters() if p.requires_grad]
    before = [p.clone() for p in trained]
    optimizer = torch.optim.SGD(trained, 1e-3)
    adapted.train()(CLIP[:, :9]).square().mean().backward()
    optimizer.step()
    assert sum(not torch.equal(p, old) for p, old in zip(trained, before)) > len(trained) / 2
    with torch.no_grad():
        wrapped = adapted.eval()(CLIP)
        assert (wrapped - model(CLIP)).abs().max() > 1e-3
        torch.testing.assert_close(inference_form(adapted.base_model.model)(CLIP), wrapped, rtol=0, atol=1e-5)
        merged = adapted.merge_and_unload()
        torch.testing.assert_close(merged(CLIP), wrapped, rtol=0, atol=1e-4)


@pytest.mark.parametrize("edges", [False, True])
def test_peft_says_that_it_cannot_adapt_a_graph_convolution(package, edges):
    peft = package("peft")
    with pytest.raises(ConfigError, match="made with the adjacency of its graph"):
        peft.get_peft_model(make("gcn", learned_edges=edges), peft.LoraConfig(target_modules=["layers_conv.1"], r=2))


@pytest.fixture
def windows():
    generator = torch.Generator().manual_seed(2)
    pairs = TensorDataset(
        torch.randn(32, 9, 17, 2, generator=generator), torch.randn(32, 1, 17, 3, generator=generator)
    )
    return DataLoader(pairs, batch_size=8)


@pytest.fixture
def trained(windows):
    """Trained by a loop as anybody writes it."""
    model = make("srnet").train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for pose_2d, pose_3d in windows:
        optimizer.zero_grad()
        (model(pose_2d) - pose_3d).abs().mean().backward()
        optimizer.step()
    return model


def require_same_weights(model, expected):
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_lightning_trains_to_the_same_weights(package, windows, trained, tmp_path):
    lightning = package("lightning")

    class Lifting(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = make("srnet").train()

        def training_step(self, batch, index):
            pose_2d, pose_3d = batch
            return (self.model(pose_2d) - pose_3d).abs().mean()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 1e-3)

    module = Lifting()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    lightning.Trainer(max_epochs=1, accelerator="cpu", devices=1, default_root_dir=tmp_path, **quiet).fit(
        module, windows
    )
    require_same_weights(module.model, trained)


def test_accelerate_trains_to_the_same_weights(package, windows, trained):
    accelerator, model = package("accelerate").Accelerator(cpu=True), make("srnet").train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model, optimizer, batches = accelerator.prepare(model, optimizer, windows)
    for pose_2d, pose_3d in batches:
        optimizer.zero_grad()
        accelerator.backward((model(pose_2d) - pose_3d).abs().mean())
        optimizer.step()
    require_same_weights(accelerator.unwrap_model(model), trained)
