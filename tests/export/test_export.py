"""Exports: ONNX that computes what torch computes, and predictions that read back as they were."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import srnet_core
from srnet_core.config import DataConfig
from srnet_core.errors import MissingExtraError, SrnetError, UnknownNameError
from srnet_core.evaluation.predict import predict_split
from srnet_core.export import onnx as onnx_export
from srnet_core.export._onnx_graph import lower_opset
from srnet_core.export.onnx import export_onnx
from srnet_core.export.predictions import write_predictions
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare


@pytest.fixture
def stage(small_data, tmp_path):
    return prepare(
        DataConfig(dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path), subjects_test=("C",))
    ).stage


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "srnet", "filter_widths": (3, 3), "groups": 2},
        {"model": "fc", "filter_widths": (3, 3), "causal": True},
        {"model": "srnet", "filter_widths": (3,), "groups": 2, "recombine": "concat"},
        {"model": "lcn", "filter_widths": (3,), "causal": True},
        {"model": "srnet", "filter_widths": (3,), "divisions": (2, 3)},
    ],
    ids=lambda f: "-".join(str(v) for v in f.values()),
)
def test_onnx_computes_what_torch_computes_at_any_batch_and_length(tmp_path, fields):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    onnx = pytest.importorskip("onnx")
    torch.manual_seed(1)
    model = build_model(channels=40, **fields).eval()
    export = export_onnx(model, tmp_path / "m.onnx", metadata={"srnet.normalization": "base"})
    assert len(export.lengths) == 5 and max(export.errors) < 1e-5 * max(1, export.scale)
    session = runtime.InferenceSession(export.path)
    assert session.get_modelmeta().custom_metadata_map["srnet.normalization"] == "base"
    keypoints = torch.rand(6, 33, 17, 2)
    with torch.no_grad():
        expected = model(keypoints).numpy()
    np.testing.assert_allclose(session.run(None, {"keypoints": keypoints.numpy()})[0], expected, atol=1e-5)
    require_weights_are_constants(onnx.load(export.path))
    require_nothing_of_this_machine(export.path.read_bytes())
    # of version 18 some programs know fewer operators, e.g. onnx2torch no Split
    assert [(entry.domain, entry.version) for entry in onnx.load(export.path).opset_import] == [("", 17)]


def require_weights_are_constants(proto):
    """OpenCV, tract and half-precision converters fail on weights that are put together inside the graph."""
    known = {tensor.name for tensor in proto.graph.initializer}
    computed = [node for node in proto.graph.node if all(name in known or not name for name in node.input)]
    assert computed == []
    assert not {"ConstantOfShape", "Where", "If", "Loop"} & {node.op_type for node in proto.graph.node}
    assert not proto.graph.value_info  # symbols because of which tract refuses inputs of fixed size
    assert all(attribute.name != "allowzero" for node in proto.graph.node for attribute in node.attribute)


def test_a_graph_with_a_meaning_of_the_newer_version_only_keeps_it():
    onnx = pytest.importorskip("onnx")
    helper, value = onnx.helper, onnx.helper.make_tensor_value_info
    sizes = onnx.numpy_helper.from_array(np.array([2, 4]), "sizes")
    for node, version in [
        (helper.make_node("Split", ["x", "sizes"], ["a", "b"], axis=1), 17),
        (helper.make_node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2), 18),
        (helper.make_node("ReduceMax", ["x", "sizes"], ["a"]), 18),  # where the axes are given is new
        (helper.make_node("ReduceMean", ["x", "x"], ["a"]), 18),  # axes that are no constant
    ]:
        graph = helper.make_graph([node], "g", [value("x", 1, (1, 6))], [value("a", 1, None)], [sizes])
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        lower_opset(proto, onnx, 17)
        assert proto.opset_import[0].version == version


def require_nothing_of_this_machine(written):
    """The exporter notes a stack trace beside every operation."""
    root = Path(srnet_core.__file__).parents[1]
    for text in (str(root), str(Path.home()), sys.prefix, str(Path(torch.__file__).parent), ".py", "stack_trace"):
        assert text == "/" or text.encode() not in written, text


def test_an_error_for_a_clip_that_is_too_short_tells_the_length(tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = build_model("fc", channels=16, filter_widths=(3, 3)).eval()
    export_onnx(model, tmp_path / "a.onnx")
    session = runtime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    with pytest.raises(Exception, match="needs_9_frames_or_more"):
        session.run(None, {"keypoints": np.zeros((1, 5, 17, 2), np.float32)})


def test_a_network_that_comes_out_different_is_not_given_out(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnx_export, "_write", lambda *_: None)
    monkeypatch.setattr(onnx_export, "_compare", lambda *_: ((0.1,), 1.0))
    with pytest.raises(SrnetError, match="differs from torch by 1.00e-01"):
        export_onnx(build_model(channels=40), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'srnet\[onnx\]'"):
        export_onnx(build_model(channels=40), tmp_path / "m.onnx")


@pytest.fixture
def predictions(stage):
    torch.manual_seed(0)
    return list(predict_split(build_model(channels=40), stage, stage.split("test")))


def test_npz_reads_back_without_pickle(stage, predictions, tmp_path):
    counts = write_predictions(predictions, stage, tmp_path / "p.npz", "npz")
    assert counts == (len(predictions), sum(p.clip.length for p in predictions))
    with np.load(tmp_path / "p.npz", allow_pickle=False) as stored:
        assert list(stored["joints"]) == list(stage.skeleton.joint_names)
        for p in predictions:
            key = f"{p.clip.subject}/{p.clip.take}/{p.clip.camera}"
            np.testing.assert_array_equal(stored[key], p.predicted_m.numpy())


def test_json_and_csv_hold_the_same_poses(stage, predictions, tmp_path):
    for format in ("json", "csv"):
        write_predictions(predictions, stage, tmp_path / f"p.{format}", format)
    document = json.loads((tmp_path / "p.json").read_text())
    assert "subtract it from all joints" in document["root"]
    assert document["unit"] == "m" and document["joints"] == list(stage.skeleton.joint_names)
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    from_csv = np.array([[float(r[c]) for c in ("x_m", "y_m", "z_m")] for r in rows]).reshape(-1, 17, 3)
    from_json = np.concatenate([s["poses"] for s in document["sequences"]])
    np.testing.assert_allclose(from_csv, from_json, atol=1e-9)
    np.testing.assert_allclose(from_json, torch.cat([p.predicted_m for p in predictions]).numpy(), atol=6e-6)


def test_an_unknown_format_is_refused_and_nothing_left(stage, predictions, tmp_path):
    before = set(tmp_path.iterdir())
    with pytest.raises(UnknownNameError, match="Choices: csv, folder, json, npz, onnx, "):
        write_predictions(predictions, stage, tmp_path / "p.xml", "xml")
    assert set(tmp_path.iterdir()) == before
