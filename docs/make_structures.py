"""Write the table of network sizes in docs/structures.md, counted from the networks themselves.

python docs/make_structures.py
"""

from pathlib import Path

import torch

from srnet_core.markdown import markdown_table
from srnet_core.models import build_model

PAGE = Path(__file__).resolve().parent / "structures.md"
START, END = "<!-- sizes: made by docs/make_structures.py -->", "<!-- end of sizes -->"
ARCHITECTURES = ((1, 1, 1), (3, 3, 3, 3, 3))
CHANNELS = 1024
ROWS = (
    ("fc", {}),
    ("srnet", {"groups": 2}),
    ("srnet", {"groups": 3}),
    ("srnet", {"groups": 5}),
    ("group", {"groups": 5}),
    ("early_split", {"groups": 5}),
    ("split_fuse_split", {"groups": 5}),
    ("late_fusion", {"groups": 5}),
    ("gcn", {}),
    ("lcn", {}),
)


def table() -> str:
    """Millions of trainable numbers, one row for each structure."""
    heads = ["`--model`", "groups", *(f"`--arch {','.join(map(str, a))}`" for a in ARCHITECTURES)]
    rows = []
    for name, fields in ROWS:
        sizes = [f"{size(name, architecture, fields) / 1e6:.3f}" for architecture in ARCHITECTURES]
        rows.append([f"`{name}`", fields.get("groups", ""), *sizes])
    return markdown_table(heads, rows, right=range(2, len(heads)))


def size(name: str, filter_widths: tuple[int, ...], fields: dict) -> int:
    with torch.device("meta"):  # shapes only
        return build_model(name, filter_widths=filter_widths, channels=CHANNELS, **fields).num_parameters


def with_table(page: str) -> str:
    """The page with a fresh table between its two marks."""
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
