"""Packages that count, store, adapt or train torch networks. `make interop` installs them."""

import copy

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from srnet_core.engine import inference_form
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models import build_model

MODELS = ("srnet", "fc", "group", "late_fusion", "early_split", "split_fuse_split", "gcn", "lcn")
WINDOW = torch.randn(1, 9, 17, 2, generator=torch.Generator().manual_seed(0))
CLIP = torch.randn(2, 30, 17, 2, generator=torch.Generator().manual_seed(1))
# products of `fc` for one window, filter widths (3, 3) and 68 channels: three positions, then one, one and the output
FC_MULTIPLY_ADDS = 3 * 34 * 3 * 68 + 68 * 3 * 68 + 68 * 68 + 68 * 51


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
    assert all(count > 1000 for count in found.values())
    assert found["srnet"] < found["fc"]


@pytest.mark.parametrize("name", MODELS)
def test_torchinfo_counts_parameters(package, name):
    model = make(name).eval()
    found = package("torchinfo").summary(model, input_data=WINDOW, verbose=0)
    assert found.total_params == model.num_parameters
    if name == "fc":
        assert FC_MULTIPLY_ADDS <= found.total_mult_adds < 1.1 * FC_MULTIPLY_ADDS


def test_thop_counts_fc_once_it_is_told_the_type_of_its_layers(package):
    thop = package("thop")
    count = package("thop.vision.basic_hooks").count_convNd
    multiply_adds, _ = thop.profile(make("fc").eval(), (WINDOW,), custom_ops={TemporalConv1d: count}, verbose=False)
    assert FC_MULTIPLY_ADDS <= multiply_adds < 1.1 * FC_MULTIPLY_ADDS


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
