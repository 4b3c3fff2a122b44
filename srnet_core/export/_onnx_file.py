"""Making and writing ONNX files: torch's exporter, clean-up of the graph, metadata."""

import contextlib
import io
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from srnet_core.errors import SrnetError, require_extra
from srnet_core.export._onnx_graph import drop_allowzero, fold_constants, lower_opset, strip_notes
from srnet_core.files import atomic_write

OPSET = 18  # of torch's exporter
WRITTEN_OPSET = 17  # of the file: read by more programs


def onnx_proto(
    module: torch.nn.Module,
    examples: tuple[Any, ...],
    dynamic: Mapping[str, Any],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    where: str,
) -> Any:
    """A network as an ONNX graph, with weights as constants and without notes of this machine.

    Args:
        examples: arguments of `module`.
        dynamic: the dimensions that may vary, as `torch.export` takes them.
        inputs, outputs: names in the graph.
        where: the file, for messages.

    Raises:
        MissingExtraError: onnx, onnxruntime or onnxscript is not installed.
        SrnetError: the network cannot be written as ONNX.
    """
    onnx, runtime = require_extra("onnx", "onnx"), require_extra("onnxruntime", "onnx")
    require_extra("onnxscript", "onnx")
    with warnings.catch_warnings(), torch.no_grad(), _quiet():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                module,
                examples,
                dynamo=True,
                dynamic_shapes=dict(dynamic),
                opset_version=OPSET,
                verbose=False,
                input_names=list(inputs),
                output_names=list(outputs),
            )
        except Exception as error:  # the exporter raises many kinds, with pages of text
            reason = str(error).strip().partition("\n")[0][:200]
            raise SrnetError(f"this network cannot be written as ONNX: {reason}", where=where) from error
    if program is None:  # the exporter returns a program unless it is given a file
        raise SrnetError("this network cannot be written as ONNX: the exporter returned nothing", where=where)
    proto = program.model_proto
    fold_constants(proto, onnx, runtime)
    strip_notes(proto)
    drop_allowzero(proto)
    return proto


def traced_proto(
    module: torch.nn.Module,
    examples: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    varying: Mapping[str, Sequence[str]],
    where: str,
) -> Any:
    """As `onnx_proto`, by torch's older exporter, which records one run of the module.

    It takes a second where the newer one takes minutes for some hundred small operations on inputs of variable size.
    What the module decides by the size of its input is fixed as for the examples: compare several sizes.

    Args:
        examples: inputs by name, in the order of the module's arguments.
        varying: names of the leading dimensions that may vary, by input and output.
    """
    onnx, runtime = require_extra("onnx", "onnx"), require_extra("onnxruntime", "onnx")
    file: Any = io.BytesIO()  # which torch takes, though its annotation says a path
    with warnings.catch_warnings(), torch.no_grad(), _quiet():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                module,
                tuple(examples.values()),
                file,
                dynamo=False,
                dynamic_axes={name: dict(enumerate(dimensions)) for name, dimensions in varying.items()},
                opset_version=OPSET,
                input_names=list(examples),
                output_names=list(outputs),
            )
        except Exception as error:  # as above
            reason = str(error).strip().partition("\n")[0][:200]
            raise SrnetError(f"this cannot be written as ONNX: {reason}", where=where) from error
    proto = onnx.load_from_string(file.getvalue())
    fold_constants(proto, onnx, runtime)
    strip_notes(proto)
    drop_allowzero(proto)
    return proto


def joined(first: Any, second: Any, names: Mapping[str, str]) -> Any:
    """Two graphs as one: `names` says which outputs of the first are which inputs of the second."""
    compose = require_extra("onnx.compose", "onnx")
    first.ir_version = second.ir_version = max(first.ir_version, second.ir_version)
    del second.opset_import[:]
    second.opset_import.extend(first.opset_import)
    return compose.merge_models(first, second, io_map=list(names.items()))


def save_proto(proto: Any, path: str, metadata: Mapping[str, str]) -> None:
    """Write a graph with its metadata, through to the disk."""
    for key, value in metadata.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    onnx = require_extra("onnx", "onnx")
    lower_opset(proto, onnx, WRITTEN_OPSET)
    onnx.checker.check_model(proto)
    with open(path, "wb") as file:
        file.write(proto.SerializeToString())
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def file_to_check(path: str | Path) -> Iterator[str]:
    """The name of a temporary file, which is read again before it takes the name `path`.

    A device, a named pipe or a standard stream gets the bytes when they were checked; errors as `atomic_write`.
    """
    with atomic_write(path) as file:
        if isinstance(file.name, str) and os.path.isfile(file.name):
            yield file.name
            return
        with tempfile.TemporaryDirectory(prefix="srnet-") as folder:
            name = os.path.join(folder, "network.onnx")
            yield name
            with open(name, "rb") as checked:
                shutil.copyfileobj(checked, file)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings that the exporter logs through several packages; none of them is for the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
