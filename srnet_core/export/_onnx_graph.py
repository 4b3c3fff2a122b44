"""Clean-up of an ONNX graph after torch's exporter: constants computed, notes of the exporter removed."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def fold_constants(proto: Any, onnx: Any, runtime: Any) -> None:
    """Replace, in place, all nodes that depend on weights only by their results.

    The networks put some weights together when they run: blocks of a locally connected layer, the filters of several
    groups. torch's exporter writes that down as operations of the graph, which OpenCV, tract and converters to half
    precision cannot read, and which every run would repeat.
    """
    graph = proto.graph
    known = {tensor.name for tensor in graph.initializer}
    constant, others = [], []
    for node in graph.node:  # in topological order
        foldable = not any(attribute.HasField("g") for attribute in node.attribute)
        if foldable and all(name in known or not name for name in node.input):
            constant.append(node)
            known.update(node.output)
        else:
            others.append(node)
    if not constant:
        return
    needed = {name for node in others for name in node.input} | {output.name for output in graph.output}
    results = [name for node in constant for name in node.output if name in needed]
    for name, value in zip(results, _run(constant, results, proto, onnx, runtime)):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value, order="C"), name))
    del graph.node[:]
    graph.node.extend(others)
    used = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(used)


def _run(nodes: list[Any], results: list[str], proto: Any, onnx: Any, runtime: Any) -> list[np.ndarray]:
    """The values of `results`, computed by the nodes from the graph's initializers."""
    outputs = [onnx.ValueInfoProto(name=name) for name in results]
    graph = onnx.helper.make_graph(nodes, "constants", [], outputs, list(proto.graph.initializer))
    model = onnx.helper.make_model(graph, opset_imports=proto.opset_import, ir_version=proto.ir_version)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values: list[np.ndarray] = session.run(results, {})
    return values


def strip_notes(proto: Any) -> None:
    """Remove, in place, what a file does not need: stack traces with paths of this machine, names of modules, shapes.

    Shapes of intermediate results are symbols here, because of which tract refuses inputs of fixed size.
    """
    graph = proto.graph
    del graph.value_info[:]
    for part in (proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def drop_allowzero(proto: Any) -> None:
    """Remove, in place, the attribute `allowzero` of Reshape, which several converters refuse.

    It says what a dimension of zero means in the wanted shape. No such dimension occurs: batches and clips have at
    least one element.
    """
    for node in proto.graph.node:
        if node.op_type == "Reshape":
            kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)


def sort_nodes(proto: Any) -> None:
    """Put, in place, every node after those whose outputs it takes, as files must have them."""
    waiting, done = list(proto.graph.node), {tensor.name for tensor in (*proto.graph.initializer, *proto.graph.input)}
    ordered: list[Any] = []
    while waiting:
        ready = [node for node in waiting if all(name in done or not name for name in node.input)]
        if not ready:
            raise ValueError("the graph has a circle")
        ordered += ready
        done.update(name for node in ready for name in node.output)
        taken = {id(node) for node in ready}
        waiting = [node for node in waiting if id(node) not in taken]
    del proto.graph.node[:]
    proto.graph.node.extend(ordered)


def lower_opset(proto: Any, onnx: Any, version: int) -> None:
    """State, in place, an older version of ONNX's operators where the graph means the same in both.

    torch's exporter writes version 18, of which some programs lack operators that they have in their older form: Split
    got an attribute that the networks do not use, ReduceMean takes its axes as an input. Otherwise the graph stays as
    it is.
    """
    graph = proto.graph
    stated = [entry for entry in proto.opset_import if entry.domain == ""]  # joined graphs may state it twice
    newest = max(entry.version for entry in stated)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    if newest <= version or not all(_same_in(node, newest, version, constants, onnx) for node in graph.node):
        return
    for entry in stated:
        entry.version = version
    for node in graph.node:
        if node.op_type == "ReduceMean":
            axes = onnx.numpy_helper.to_array(constants[node.input[1]]).tolist()
            del node.input[1:]
            kept = [attribute for attribute in node.attribute if attribute.name != "noop_with_empty_axes"]
            del node.attribute[:]
            node.attribute.extend(kept)
            node.attribute.append(onnx.helper.make_attribute("axes", axes))
    taken = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in taken]:
        graph.initializer.remove(tensor)


def _same_in(node: Any, newer: int, older: int, constants: Mapping[str, Any], onnx: Any) -> bool:
    """Whether a node means the same in two versions of ONNX's operators, or has a form in the older one that does."""
    if any(attribute.HasField("g") or len(attribute.graphs) for attribute in node.attribute):
        return False
    if node.op_type == "Split":  # with given sizes it has not changed since version 13
        return older >= 13 and len(node.input) == 2
    if node.op_type == "ReduceMean":  # constant axes were an attribute from version 13 to 17
        axes = constants.get(node.input[1]) if len(node.input) == 2 else None
        return 13 <= older < 18 <= newer and axes is not None and all(axes.dims)  # no axes may mean all of them
    try:
        forms = [onnx.defs.get_schema(node.op_type, number, node.domain) for number in (newer, older)]
    except onnx.defs.SchemaError:
        return False
    return bool(forms[0].since_version == forms[1].since_version)
