"""A program of `torch.export`: the network for torch without srnet, e.g. for ExecuTorch or AOTInductor."""

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from srnet_core.errors import SrnetError
from srnet_core.export import NetworkFormat, WrittenNetwork
from srnet_core.export._comparing import compare, lengths_for, require_close
from srnet_core.files import atomic_write
from srnet_core.models.pose_model import PoseModel

TOLERANCE = 1e-5
_MORE = 1  # frames beyond the receptive field: a program fixes a size of one, here that of the output
ABOUT = "srnet.json"  # the metadata, among the extra files of the program


class _Clip(nn.Module):
    """The network in its form for whole clips; without a choice by length, which a program cannot make."""

    def __init__(self, model: PoseModel):
        super().__init__()
        self.model = model

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, J, 2) -> (B, T - receptive field + 1, J, 3)."""
        return self.model(keypoints, strided=False)


def export_program(model: PoseModel, path: str | Path, *, metadata: Mapping[str, str] | None = None) -> WrittenNetwork:
    """Write the network as a program of `torch.export`, which `torch.export.load` reads.

    The program takes any batch, and clips of at least one frame more than the receptive field; fewer are an error. The
    metadata are the extra file "srnet.json".

    Raises:
        SrnetError: the network cannot be written so, or the program's outputs differ from the model's.
    """
    path = Path(path)
    model = model.cpu().eval()
    example = torch.zeros(2, model.receptive_field + 8, model.num_joints, 2)
    dynamic = {"keypoints": {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(_Clip(model), (example,), dynamic_shapes=dynamic)
        except Exception as error:  # it raises many kinds, with pages of text
            reason = str(error).strip().partition("\n")[0][:200]
            raise SrnetError(f"this network cannot be written as a program: {reason}", where=path) from error
        _strip_notes(program)
        shortest = {"srnet.shortest_input": f"{model.receptive_field + _MORE} frames; fewer are an error"}
        about = {**(metadata or {}), **shortest, "srnet.tolerance": f"{TOLERANCE:g}", "srnet.precision": "float32"}
        content = io.BytesIO()
        torch.export.save(program, content, extra_files={ABOUT: json.dumps(about)})
        content.seek(0)
        runs = torch.export.load(content).module()
        errors, scale = compare(lambda clip: runs(torch.from_numpy(clip)).numpy(), model, path, more=_MORE)
        require_close(errors, scale, TOLERANCE, path)
    with atomic_write(path) as file:
        file.write(content.getbuffer())
    return WrittenNetwork(path, lengths_for(model, more=_MORE), errors, scale, "torch.export")


def _strip_notes(program: torch.export.ExportedProgram) -> None:
    """Remove, in place, the stack traces beside the operations, with paths of this machine."""
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)


def write(model: PoseModel, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `NetworkFormat`."""
    return export_program(model, path, metadata=metadata)


FORMAT = NetworkFormat((".pt2",), write, TOLERANCE)
