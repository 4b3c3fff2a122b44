"""The folder of `srnet export --format folder` in the hands of huggingface_hub. `make interop` installs it."""

import os

import pytest
import torch

from srnet_core.checkpoint import Checkpoint, Record, load_checkpoint
from srnet_core.config import DataConfig, RunConfig
from srnet_core.export.about import network_metadata
from srnet_core.export.folder import export_folder
from srnet_core.models import build_model

CLIP = torch.randn(2, 20, 17, 2, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    model = build_model("srnet", channels=40, filter_widths=(3, 3)).eval()
    record = Record(config=RunConfig(DataConfig(normalization="base")), dataset="small")
    checkpoint = Checkpoint(model, model.config, record=record, epoch=7)
    export_folder(checkpoint, tmp_path / "mine", network_metadata(checkpoint, source="m.bin"))
    return tmp_path / "mine"


@torch.no_grad()
def test_the_mixin_of_huggingface_hub_loads_the_folder(package, folder):
    mixin = package("huggingface_hub").PyTorchModelHubMixin

    class Lifting(torch.nn.Module, mixin):
        """A network of srnet as the mixin wants one: built from a key of config.json, with the weights' own names."""

        def __init__(self, srnet: dict):
            super().__init__()
            self.network = build_model(**{key: value for key, value in srnet["model"].items() if key != "skeleton"})

        def forward(self, x):
            return self.network(x)

        def state_dict(self, *args, **kwargs):
            return self.network.state_dict(*args, **kwargs)

        def load_state_dict(self, *args, **kwargs):
            return self.network.load_state_dict(*args, **kwargs)

    found = Lifting.from_pretrained(str(folder)).eval()
    torch.testing.assert_close(found(CLIP), load_checkpoint(folder).model.eval()(CLIP), rtol=0, atol=0)


def test_a_folder_of_its_cache_is_read(folder, tmp_path):
    """`snapshot_download` gives a folder of links to files that are named by their content."""
    snapshot = tmp_path / "models--me--mine" / "snapshots" / "3f2a"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--me--mine" / "blobs").mkdir()
    for i, path in enumerate(sorted(folder.iterdir())):
        os.rename(path, tmp_path / "models--me--mine" / "blobs" / f"{i:040x}")
        (snapshot / path.name).symlink_to(f"../../blobs/{i:040x}")
    assert load_checkpoint(snapshot).epoch == 7
