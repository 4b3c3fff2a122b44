"""What people call settings: names, options and other words, and which setting of which section is meant."""

from collections.abc import Iterator, Mapping
from typing import Any

from srnet_core.config.setting import Setting, settings_of
from srnet_core.lookup import nearest, spelling

_MOST_NAMED = 3


def setting_hint(asked: str, sections: Mapping[str, type[Any]], section: str = "") -> str:
    """The question "Did you mean ...? " with the settings that are probably meant; empty if there are none.

    A setting of `section` is called by its name, others by section and name. Those that are called exactly so come
    before those that are only similar, at each step those of `section` first.

    Args:
        asked: the name that no setting has, with or without a section.
        sections: the config classes to look in, by the names of their sections.
    """
    key = spelling(asked.rpartition(".")[2])
    own = [meant for meant in _called(sections) if meant[0] == section]
    for settings in (own, list(_called(sections))):
        exact = [_full(name, about, section) for name, about in settings if key in map(spelling, about.spellings)]
        if exact:
            return _question(exact)
    for settings in (own, list(_called(sections))):
        called = {word: _full(name, about, section) for name, about in settings for word in about.spellings}
        if near := nearest(asked.rpartition(".")[2], called):
            return _question([called[word] for word in near])
    return ""


def _called(sections: Mapping[str, type[Any]]) -> Iterator[tuple[str, Setting]]:
    """(section, setting) of all settings."""
    for section, config in sections.items():
        for about in settings_of(config).values():  # type: ignore[arg-type]  # classes are hashable
            yield section, about


def _full(section: str, about: Setting, own: str) -> str:
    return about.name if section == own else f"{section}.{about.name}"


def _question(names: list[str]) -> str:
    listed = list(dict.fromkeys(names))[:_MOST_NAMED]
    return f"Did you mean {' or '.join(map(repr, listed))}? "
