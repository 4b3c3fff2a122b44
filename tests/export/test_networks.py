"""Networks for other programs: ONNX in half precision and frame by frame, torch.export, safetensors, a folder."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import srnet_core as srnet
from srnet_core.checkpoint import Checkpoint, Record, load_checkpoint, save_checkpoint
from srnet_core.checkpoint.safetensors_file import write_safetensors
from srnet_core.config import DataConfig, RunConfig
from srnet_core.errors import BadFileError, ConfigError, SrnetError
from srnet_core.export import format_of, get_format
from srnet_core.export import onnx_stream as onnx_stream_export
from srnet_core.export.about import network_metadata
from srnet_core.models import build_model

CLIP = np.random.default_rng(0).uniform(-1, 1, (2, 30, 17, 2)).astype(np.float32)


def made(name="srnet", **fields):
    torch.manual_seed(0)
    model = build_model(name, **({"channels": 40, "filter_widths": (3, 3)} | fields)).eval()
    record = Record(config=RunConfig(DataConfig(normalization="base")), dataset="small", metrics={"mpjpe_mm": 51.25})
    return Checkpoint(model, model.config, record=record, epoch=7)


def poses(model):
    with torch.no_grad():
        return model(torch.from_numpy(CLIP)).numpy()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"causal": True},
        {"name": "fc", "dense": True},
        {"name": "fc", "residual_2d": True, "filter_widths": (3, 5)},
        {"name": "fc", "residual_2d": True, "causal": True},
        {"name": "lcn"},
        {"name": "gcn"},
        {"filter_widths": (1, 3)},
        {"filter_widths": (1,)},
        {"recombine": "add", "context": "all"},
    ],
    ids=str,
)
@pytest.mark.parametrize("at_once", [1, 4])
def test_a_network_with_states_gives_what_it_gives_for_the_whole_clip(fields, at_once):
    model = made(**fields).model
    more = model.receptive_field - 1
    states = [torch.zeros(2, *shape) for shape in model.stream_states()]
    clip, found = torch.from_numpy(CLIP), []
    with torch.no_grad():
        if more:
            _, states = model.forward_stream(clip[:, :1].repeat(1, more, 1, 1), states)
        for start in range(0, clip.shape[1], at_once):
            pose, states = model.forward_stream(clip[:, start : start + at_once], states)
            found.append(pose)
        padded = torch.cat([clip[:, :1].repeat(1, more, 1, 1), clip], dim=1)
        torch.testing.assert_close(torch.cat(found, dim=1), model(padded), atol=1e-5, rtol=0)
    assert [tuple(state.shape[1:]) for state in states] == model.stream_states()


def test_a_network_that_computes_each_window_by_itself_has_no_states():
    with pytest.raises(ConfigError, match="own window"):
        made(recombine="concat", compat="trained").model.stream_states()


def test_onnx_frame_by_frame(tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    runtime = pytest.importorskip("onnxruntime")
    checkpoint = made("fc", channels=16, filter_widths=(3,))
    written = get_format("onnx_stream").write(
        checkpoint.model, tmp_path / "m.stream.onnx", network_metadata(checkpoint, source="m.bin")
    )
    assert len(written.lengths) == 5 and max(written.errors) < 1e-5
    session = runtime.InferenceSession(written.path)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["srnet.states"]) == [[2, 34]] and about["srnet.delay_frames"] == "1"
    assert "2 times" in about["srnet.stream_start"] and json.loads(about["srnet.joints"])
    found = onnx_stream_export.run_stream(session, CLIP, 3)
    np.testing.assert_allclose(found, poses(checkpoint.model), atol=1e-5)


def test_onnx_in_half_precision(tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    runtime = pytest.importorskip("onnxruntime")
    model = made("fc", channels=64, filter_widths=(1,)).model
    written = get_format("onnx_fp16").write(model, tmp_path / "m.fp16.onnx", {})
    session = runtime.InferenceSession(written.path)
    assert 1e-7 < max(written.errors) < 0.01 and len(written.lengths) == 5
    assert written.path.stat().st_size < 3 * model.num_parameters + 10_000
    assert session.get_modelmeta().custom_metadata_map["srnet.precision"] == "float16"
    (found,) = session.run(None, {"keypoints": CLIP})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, poses(model), atol=0.01)


def test_a_program_of_torch_export(tmp_path):
    model = made("fc", channels=16, filter_widths=(3,)).model
    written = get_format("pt2").write(model, tmp_path / "m.pt2", {"srnet.normalization": "base"})
    assert written.lengths == (4, 5, 11, 54, 247) and max(written.errors) < 1e-5
    extra = {"srnet.json": ""}
    program = torch.export.load(str(written.path), extra_files=extra).module()
    assert json.loads(extra["srnet.json"])["srnet.normalization"] == "base"
    np.testing.assert_allclose(program(torch.from_numpy(CLIP)).detach().numpy(), poses(model), atol=1e-6)
    with pytest.raises((AssertionError, RuntimeError)):
        program(torch.zeros(1, 2, 17, 2))


@pytest.mark.parametrize("name", ["safetensors", "folder"])
def test_what_srnet_reads_back(tmp_path, name):
    checkpoint = made()
    path = tmp_path / ("mine" if name == "folder" else "mine.safetensors")
    written = get_format(name).write(checkpoint, path, network_metadata(checkpoint, source="m.bin"))
    assert written.path == path and max(written.errors) == 0 and len(written.lengths) == 5
    again = load_checkpoint(path)
    np.testing.assert_array_equal(poses(again.model), poses(checkpoint.model))
    assert again.epoch == 7 and again.metrics == {"mpjpe_mm": 51.25} and again.record.dataset == "small"
    lifter = srnet.Lifter.from_checkpoint(path, device="cpu")
    assert lifter(np.full((20, 17, 2), 300.0), image_size=(640, 480)).shape == (20, 17, 3)
    save_checkpoint(  # and on to any other format
        tmp_path / "again.bin", model=again.model, epoch=7, lr=1e-3, optimizer_state=None, random_state=None
    )


def test_a_folder_tells_people_and_programs(tmp_path):
    checkpoint = made()
    get_format("folder").write(checkpoint, tmp_path / "mine", network_metadata(checkpoint, source="m.bin"))
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    config = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert config["model_type"] == "srnet" and config["receptive_field"] == "9" and config["normalization"] == "base"
    card = (tmp_path / "mine" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: srnet\n") and "mpjpe_mm | 51.2" in card and "from_checkpoint" in card


def test_a_folder_whose_weights_lost_their_header_is_read_by_its_configuration(tmp_path):
    save = pytest.importorskip("safetensors.torch").save_file
    checkpoint, folder = made(), tmp_path / "mine"
    get_format("folder").write(checkpoint, folder, network_metadata(checkpoint, source="m.bin"))
    state = {name: tensor.contiguous() for name, tensor in checkpoint.model.state_dict().items()}
    save(state, folder / "model.safetensors")
    np.testing.assert_array_equal(poses(load_checkpoint(folder).model), poses(checkpoint.model))
    state["expand_bn.bias"] = state["expand_bn.bias"] + 1
    save(state, folder / "model.safetensors")
    with pytest.raises(BadFileError, match="altered or damaged"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("config", "said"),
    [("[", "not JSON"), ("[]", "no table"), ('{"srnet": 3}', "no table"), ('{"srnet": {"epoch": 1}}', "different")],
)
def test_a_folder_with_a_wrong_configuration(tmp_path, config, said):
    checkpoint, folder = made(), tmp_path / "mine"
    folder.mkdir()
    write_safetensors(folder / "model.safetensors", checkpoint.model, record=checkpoint.record)
    assert load_checkpoint(folder).epoch == 0  # config.json may be missing
    (folder / "config.json").write_text(config)
    with pytest.raises(SrnetError, match=said):
        load_checkpoint(folder)


def test_the_ending_tells_the_format(tmp_path):
    names = {
        "a.onnx": "onnx",
        "a.FP16.onnx": "onnx_fp16",
        "a.stream.onnx": "onnx_stream",
        "a.pt2": "pt2",
        "a.safetensors": "safetensors",
        "a": "folder",
        "a.npz": "npz",
        "a.xyz": None,
    }
    assert {name: format_of(tmp_path / name) for name in names} == names


def test_onnx_through_a_pipe_is_whole_and_checked(tmp_path):
    """A device or a pipe cannot be read again: what goes through was checked in a file beside it."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    write, model = get_format("onnx").write, made("fc", channels=16, filter_widths=(3,)).model
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(pipe.read_bytes)
        write(model, pipe, {})
        proto = onnx.load_from_string(received.result(60))
    assert [output.name for output in proto.graph.output] == ["poses"]
    assert pipe.is_fifo() and os.listdir(tmp_path) == ["pipe"]
    write(model, "/dev/null", {})
    assert not os.path.isfile("/dev/null")
