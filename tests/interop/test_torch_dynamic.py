"""Every model and variant in `torch.export` and `torch.compile`, for any number of clips and frames, as one graph."""

import pytest
import torch

from srnet_core.models import PLUGINS, build_model

GROUPS = {"groups": 2, "channels": 17}  # few parts, as tracing takes as long as there are operations
VARIANTS = {
    **{name: {"name": name} for name in PLUGINS.built_in},
    "add": {"recombine": "add"},
    "concat": {"recombine": "concat"},
    "concat, original": {"recombine": "concat", "compat": "original"},
    "concat, aligned": {"recombine": "concat", "compat": "aligned"},
    "mean": {"recombine": "add", "context_form": "mean"},
    "upsampled mean": {"recombine": "concat", "context_form": "upsampled_mean"},
    "all": {"context": "all"},
    "all, by channel": {"context": "all", "context_form": "channel_wise"},
    "all, by channel, original": {"context": "all", "context_form": "channel_wise", "compat": "original"},
    "all, by group": {"context": "all", "context_form": "group_wise"},
    "all, one": {"context": "all", "context_form": "one_for_all"},
    "none": {"context": "none"},
    "wide": {"context_width": 3},
    "divisions": {"divisions": (2, 3)},
    "causal": {"causal": True},
    "dropout": {"dropout": 0.2},
    "residual": {"residual_2d": True},
    "fc, dense": {"name": "fc", "dense": True},
    "fc, causal": {"name": "fc", "causal": True},
    "gcn, learned edges": {"name": "gcn", "learned_edges": True},
}
FIRST = ("fc", "late_fusion", "concat, original")  # quick, with a constant, with sizes that are products
OTHERS = tuple(name for name in VARIANTS if name not in FIRST)
FIELD = 9  # frames


def made(variant):
    """A network whose contexts and running statistics are not those of a fresh one, which hide mistakes."""
    torch.manual_seed(0)
    model = build_model(**{"name": "srnet", "filter_widths": (3, 3), **GROUPS, **VARIANTS[variant]})
    assert model.receptive_field == FIELD
    with torch.no_grad():
        for value in (*model.parameters(), *(b for b in model.buffers() if b.is_floating_point())):
            value.add_(0.1 * torch.rand_like(value))
    return model.eval()


def clip(frames, batch):
    return torch.randn(batch, frames, 17, 2, generator=torch.Generator().manual_seed(frames))


def require_exported(variant):
    model = made(variant)
    batch, frames = torch.export.Dim("batch", min=2), torch.export.Dim("frames", min=FIELD + 1)
    program = torch.export.export(model, (clip(20, 4),), dynamic_shapes=({0: batch, 1: frames},)).module()
    for shape in ((FIELD + 1, 2), (33, 3)):
        torch.testing.assert_close(program(clip(*shape)), model(clip(*shape)), rtol=1e-4, atol=1e-5)


def require_compiled_once(variant):
    """Nothing is compiled anew for another length, or because the network was called without its graph.

    What computes every frame from its own window does so in pieces of bounded memory; their number is in the graph.
    """
    model = made(variant)
    graphs = []

    def counted(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(model, backend=counted, dynamic=True, fullgraph=True)
    for shape in ((12, 4), (20, 3), (31, 5)):
        torch.testing.assert_close(compiled(clip(*shape)), model(clip(*shape)), rtol=1e-4, atol=1e-5)
    torch._dynamo.reset()
    in_pieces = getattr(model, "depends_on_window", False) and model.config.compat == "trained"
    assert len(graphs) <= 3 if in_pieces else len(graphs) == 1


CHECKS = pytest.mark.parametrize("check", [require_exported, require_compiled_once])


@CHECKS
@pytest.mark.parametrize("variant", FIRST)
@torch.no_grad()
def test_any_number_of_clips_and_frames(variant, check):
    check(variant)


@CHECKS
@torch.no_grad()
def test_any_number_of_clips_and_frames_with_every_other_variant(check):
    wrong = {}
    for variant in OTHERS:
        try:
            check(variant)
        except Exception as error:
            wrong[variant] = f"{type(error).__name__}: {error}"[:500]
    assert wrong == {}
