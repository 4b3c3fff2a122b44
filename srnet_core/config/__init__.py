"""Settings of a run: validated, immutable, written beside every result.

A `RunConfig` has four sections, `data`, `model`, `train` and `augment`. Its values come from the defaults, then a TOML
preset, then `section.key=value` pairs; each is checked when the section is made. All values are plain, so a config
survives JSON.

Everything said about a setting stands once, on its field (`setting`): default, help, choices, range, flags. The options
of the command line, their help, shell completion and docs/settings.md are made from it.
"""

from srnet_core.config.augment import AugmentConfig
from srnet_core.config.data import WITHOUT_INFLUENCE, DataConfig
from srnet_core.config.model import CONTEXT, CONTEXT_FORM, RECOMBINE, ModelConfig
from srnet_core.config.run import RunConfig, from_dict, merge, read_toml, replace, to_dict, with_settings
from srnet_core.config.setting import Setting, named_as_arguments, read_size_mib, sections_of, setting, settings_of
from srnet_core.config.train import TrainConfig

__all__ = [
    "CONTEXT",
    "CONTEXT_FORM",
    "RECOMBINE",
    "WITHOUT_INFLUENCE",
    "AugmentConfig",
    "DataConfig",
    "ModelConfig",
    "RunConfig",
    "Setting",
    "TrainConfig",
    "from_dict",
    "merge",
    "named_as_arguments",
    "read_size_mib",
    "read_toml",
    "replace",
    "sections_of",
    "setting",
    "settings_of",
    "to_dict",
    "with_settings",
]
