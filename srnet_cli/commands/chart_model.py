"""srnet chart model: a network as it was built: groups on the body, one layer, all layers with their sizes."""

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.checkpoints import find_checkpoint, run_name
from srnet_cli.inputs import open_checkpoint
from srnet_cli.options import MODEL, NewestCheckpoint, shared
from srnet_cli.run_configuration import start_config
from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError

EXAMPLES = (
    "srnet chart model checkpoint/latest_epoch_first.bin -o first.svg",
    "srnet chart model --arch 3,3,3 --recombine add -o model.png --width page",
)


@shared(model=MODEL)
def main(
    model: dict,
    path: NewestCheckpoint = None,
    output: Output = None,
    width: Width = "column",
    dark: Dark = False,
) -> None:
    """Draw a network: which joints are in which group, what a layer does, channels and parameters of all layers.

    The network is that of a checkpoint, or, with options of the model instead, one that is not trained.
    """
    import torch

    from srnet_core.models import build_model
    from srnet_core.visualization.model_chart import write_model_chart

    if path is not None and model:
        todo = "Give the path or the options"
        raise ConfigError("a checkpoint says how its network is built", where=f"{path}", todo=todo)
    if model:
        output = charts.chart_file(output, "model", str(model.get("name", ModelConfig().name)))
        with torch.device("meta"):  # shapes only
            network = build_model(start_config(None, False, None, {"model": model}, []).model)
    else:
        path = find_checkpoint(path)
        output = charts.chart_file(output, "model", run_name(path))
        network = open_checkpoint(path, {}, {}).model
    charts.tell(write_model_chart(network, output, width_in=charts.width_in(width), dark=dark))
