"""Names of subjects and takes, from the path of a motion file below the folder that is imported."""

import re
from pathlib import PurePath

from srnet_core.errors import ConfigError

_PLACES = ("{subject}", "{action}", "{take}", "{}")


def naming_pattern(naming: str) -> re.Pattern:
    """ "{subject}/{action}_{take}" as a regular expression over a path without its ending.

    Raises:
        ConfigError: a place that is unknown or stands twice.
    """
    parts = re.split(r"(\{\w*\})", naming)
    unknown = [p for p in parts[1::2] if p not in _PLACES]
    if unknown or parts.count("{subject}") > 1 or parts.count("{take}") > 1 or parts.count("{action}") > 1:
        raise ConfigError(f"{naming!r} may hold {{subject}}, {{action}} and {{take}}, each once", where="naming")
    # each place stops at the next sign of the template, so that matching takes time in proportion to the path
    text = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            text += re.escape(part)
            continue
        following = parts[i + 1][:1]
        stop = f"/{re.escape(following)}" if following else "/"
        text += f"(?P<{part[1:-1]}>[^{stop}]+)" if part != "{}" else f"[^{stop}]*"
    return re.compile(text)


def subject_and_take(relative: PurePath, pattern: re.Pattern | None) -> tuple[str, str]:
    """(subject, take) of a file.

    Args:
        relative: its path below the folder.
        pattern: of `naming_pattern`; `None` for the customary places (docs/mocap.md).
    """
    path = relative.with_suffix("").as_posix()
    if pattern is not None:
        match = pattern.fullmatch(path)
        if not match:
            return "unnamed", clean(path)
        found = {key: clean(value) for key, value in match.groupdict().items()}
        name = " ".join(found[key] for key in ("action", "take") if found.get(key))
        return found.get("subject") or "S1", name or clean(path)
    folders, stem = relative.parts[:-1], relative.stem
    if folders:
        return clean(folders[0]), clean(" ".join([*folders[1:], stem]))
    if match := re.fullmatch(r"(\d{1,3})_(\d{1,3})", stem):  # CMU: subject_trial
        return match[1], stem
    if match := re.fullmatch(r"HDM_([a-z]{2})_(.+?)_(\d{3})_120", stem):  # HDM05: actor, class, number
        return match[1].upper(), f"{match[2]} {match[3]}"
    return "S1", clean(stem)


def clean(text: str) -> str:
    """Printable text without slashes or several blanks, as names of subjects, takes and joints."""
    text = "".join(c if c.isprintable() and c not in "/\\" else " " for c in text)
    return " ".join(text.split())[:80] or "unnamed"
