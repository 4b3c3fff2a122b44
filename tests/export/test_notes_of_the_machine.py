"""No file of a network holds a path of the machine that wrote it, nor a stack trace: every model in every form."""

import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import srnet_core
from srnet_core import export
from srnet_core.checkpoint import Checkpoint, Record
from srnet_core.config import DataConfig, RunConfig
from srnet_core.errors import ConfigError
from srnet_core.export import _onnx_file, pt2
from srnet_core.export.about import network_metadata
from srnet_core.models import PLUGINS, build_model

ONNX = ("onnx", "onnx_fp16", "onnx_pixels", "onnx_stream")
FORMS = (*ONNX, "pt2", "safetensors", "folder")
_PACKAGE, _TORCH = Path(srnet_core.__file__).parents[1], Path(torch.__file__).parents[1]
_TRACES = (b"stack_trace", b'File "', b'File \\"', b'.py"', b".py'", b".py:", b"Traceback")


@pytest.fixture(scope="module", autouse=True)
def extras():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")


def made(name):
    torch.manual_seed(0)
    model = build_model(name, channels=17, groups=2, filter_widths=(3,)).eval()
    return Checkpoint(model, model.config, record=Record(config=RunConfig(DataConfig(normalization="ray")), fps=25.0))


def written(form, name, folder):
    """The files of a network, or `None` where that form of that network is refused in words."""
    checkpoint, plugin = made(name), export.get_format(form)
    path = folder / f"network{plugin.endings[0]}"
    about = network_metadata(checkpoint, source="trained.bin")
    try:
        plugin.write(checkpoint if isinstance(plugin, export.CheckpointFormat) else checkpoint.model, path, about)
    except ConfigError:
        return None
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def notes_in(files, folder):
    """What the files say of this machine; the members of archives are looked at one by one."""
    contents = []
    for file in files:
        contents += [file.read_bytes()]
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                contents += [archive.read(member) for member in archive.namelist()]
    assert sum(map(len, contents)) > 1000
    paths = {str(path) for path in (_PACKAGE, _TORCH, Path.home(), Path(sys.prefix), folder, Path.cwd())} - {"/"}
    looked_for = [*_TRACES, *(path.encode() for path in sorted(paths))]
    return [text.decode() for text in looked_for if any(text in content for content in contents)]


def test_every_form_of_a_network_is_looked_at():
    of_networks = {
        n for n, p in export.PLUGINS.each() if isinstance(p, (export.NetworkFormat, export.CheckpointFormat))
    }
    assert of_networks == set(FORMS)


def found_in(form, names, folder):
    """{model: what its file says of this machine, or that there is none}"""
    found = {}
    for name in names:
        (folder / name).mkdir()
        files = written(form, name, folder / name)
        found[name] = None if files is None else notes_in(files, folder)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_a_file_says_nothing_of_this_machine(form, tmp_path):
    assert found_in(form, ["fc"], tmp_path) == {"fc": []}


@pytest.mark.parametrize("form", FORMS)
def test_the_file_of_no_other_model_does(form, tmp_path):
    others = [name for name in PLUGINS.built_in if name != "fc"]
    refused = {"trajectory"} if form == "onnx_pixels" else set()  # its root joint is no pose in pixels
    assert found_in(form, others, tmp_path) == {name: None if name in refused else [] for name in others}


@pytest.mark.parametrize("form", [*ONNX, "pt2"])
def test_without_the_clean_up_they_would_say_it(form, tmp_path, monkeypatch):
    """Else the test above would pass on anything."""
    monkeypatch.setattr(_onnx_file, "strip_notes", lambda proto: None)
    monkeypatch.setattr(pt2, "_strip_notes", lambda program: None)
    found = notes_in(written(form, "fc", tmp_path), tmp_path)
    assert str(_PACKAGE) in found and any(trace.decode() in found for trace in _TRACES), found
    shutil.rmtree(tmp_path)
