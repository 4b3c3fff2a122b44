"""What the name of a take says: which action it shows, and which take of another file is the same.

The rule: an action is the name of its take without what counts the takes at its end. That is a number after a blank, an
underscore, a dash or a dot, a number in parentheses, and a number after one of the words chunk, part, take, trial, rep
and person. It is taken off as often as it occurs, as long as a letter is left.

    >>> [action_of(take) for take in ("Walking 1", "Walking_2", "Jog 1 chunk0", "Jump rope 03", "Dancing 49_09")]
    ['Walking', 'Walking', 'Jog', 'Jump rope', 'Dancing']

Actions of Human3.6M that its original files name otherwise have one name: "TakingPhoto" is "Photo".
"""

import functools
import re

_COUNTER = re.compile(  # every repetition is bounded, so that a search takes linear time
    r"(?:[\s_.\-]{1,9}(?:(?:chunk|part|take|trial|rep|person)[\s_.\-]{0,9})?\d{1,12}|\s{0,9}\(\d{1,12}\))\s{0,9}$",
    re.IGNORECASE,
)
# Spellings of Human3.6M's original files and of papers, without blanks and in small letters -> VideoPose3D's names.
_SPELLINGS = {
    "takingphoto": "Photo",
    "takingphotos": "Photo",
    "walkingdog": "WalkDog",
    "walkdog": "WalkDog",
    "walkingtogether": "WalkTogether",
    "walktogether": "WalkTogether",
    "sittingdown": "SittingDown",
}
# Heads of columns in papers. They are understood where a user types them, never in files.
_SHORT = {
    "dir": "Directions",
    "direct": "Directions",
    "disc": "Discussion",
    "discuss": "Discussion",
    "eat": "Eating",
    "greet": "Greeting",
    "phone": "Phoning",
    "pose": "Posing",
    "purch": "Purchases",
    "purchase": "Purchases",
    "sit": "Sitting",
    "sitd": "SittingDown",
    "smoke": "Smoking",
    "wait": "Waiting",
    "walkd": "WalkDog",
    "walk": "Walking",
    "walkt": "WalkTogether",
}


# In the order of the columns of papers, which is not that of the alphabet at its end.
_H36M_ORDER = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting"),
    *("SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether"),
)


def table_order(action: str) -> tuple[int, str]:
    """A key to sort actions by: those of Human3.6M as in the tables of papers, then others by the alphabet."""
    return (_H36M_ORDER.index(action) if action in _H36M_ORDER else len(_H36M_ORDER), action)


@functools.lru_cache(maxsize=65536)
def action_of(take: str) -> str:
    """The action of a take, by the rule above: "Walking" for "Walking 1", "Photo" for "TakingPhoto 1"."""
    action = _without_counters(take)
    return _SPELLINGS.get(plain_name(action), action)


def plain_name(name: str) -> str:
    """A name without case, blanks and punctuation, in which different spellings of it agree: "Taking Photo" and
    "taking_photo" both give "takingphoto"."""
    return "".join(c for c in name.casefold() if c.isalnum())


def same_take_key(take: str) -> tuple[str, ...]:
    """Equal for takes that are spelled differently in two files: "TakingPhoto_1", "Photo 1"."""
    counters = re.findall(r"\d+", take[len(_without_counters(take)) :])
    return (plain_name(action_of(take)) or take, *(number.lstrip("0") or "0" for number in counters))


def full_action(short: str) -> str | None:
    """Human3.6M's action for the head of a column in papers, e.g. "SittingDown" for "SitD."; `None` for others."""
    return _SHORT.get(plain_name(short))


def _without_counters(take: str) -> str:
    action = take
    while match := _COUNTER.search(action):
        shorter = action[: match.start()]
        if not any(c.isalpha() for c in shorter):
            break
        action = shorter
    return action
