"""Write docs/settings.md: a table of every setting, made from what the config's fields say.

python docs/make_settings.py
"""

from pathlib import Path

from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, Setting, TrainConfig, sections_of, settings_of
from srnet_core.markdown import markdown_table

PAGE = Path(__file__).resolve().parent / "settings.md"
HEAD = """\
# Settings

<!-- made by docs/make_settings.py from the fields of srnet_core/config; do not edit -->

Every setting of a run, with its default. There are three ways to give one, and later ones override earlier ones:

- in a preset, a TOML file with the tables `[data]`, `[model]`, `[train]` and `[augment]`: `srnet train --config FILE`;
- with its option: `srnet train --lr 0.0005`. Lists are separated by commas: `--arch 3,3,3`;
- by its name: `srnet train --set train.lr=0.0005`. Lists are written as in TOML: `--set model.filter_widths=[3,3,3]`.

`eval`, `export` and `visualize` take the settings from the checkpoint; the options of the data override them.
Names may be written with dashes or underscores.
"""
COLUMNS = ("Setting", "Option", "Default", "Values", "Meaning")
_KINDS = {int: ("whole number", "whole numbers"), float: ("number", "numbers"), str: ("text", "names")}
SECTIONS = {"Data": DataConfig, "Model": ModelConfig, "Training": TrainConfig, "Augmentation": AugmentConfig}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, config in SECTIONS.items():
        parts.append(f"## {title}: `[{config.SECTION}]`\n\n{_table(config)}\n")
        parts += [f"### `[{inside.SECTION}]`\n\n{_table(inside)}\n" for inside in sections_of(config)]
    return "\n".join(parts)


def _table(config: type) -> str:
    return markdown_table(COLUMNS, [_row(about) for about in settings_of(config).values()])


def _row(about: Setting) -> tuple[str, ...]:
    flags = ", ".join(f"`{flag}`" for flags in about.flags for flag in flags.split("/"))
    meaning = f"{about.help}. {about.details}".rstrip()
    default = str(about.default).lower() if isinstance(about.default, bool) else about.shown_default()
    cells = (f"`{about.name}`", flags or f"`--set {about.option}=`", default, _values(about), meaning)
    return tuple(cell.replace("|", "\\|") for cell in cells)


def _values(about: Setting) -> str:
    """The allowed values: names, a range, or the type."""
    names = [f"`{name}`" for name in about.names()] + ([about.other] if about.other else [])
    if names:
        return ", ".join(names)
    if about.kind is bool:
        return "`true`, `false`"
    one, several = _KINDS.get(about.kind, ("table", "names with lists of joint names"))
    kind = f"list of {several}" if about.many else one
    return f"{kind}, {about.range_text()}" if about.range_text() else kind


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
