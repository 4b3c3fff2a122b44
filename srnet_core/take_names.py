"""What the name of a take says: which action it shows, and which take of another file is the same.

The rule: an action is the name of its take without what counts the takes at its end. That is a number after a blank or
one of _ . - , : / #, a number in parentheses or brackets, and such a number after a word of `_WORDS`. It is taken off
as often as it occurs, as long as a letter is left. The ending of a file, e.g. ".h5", is taken off first.

    >>> [action_of(take) for take in ("Walking 1", "Walking_2", "Jog 1 chunk0", "Jump rope 03", "Dancing 49_09")]
    ['Walking', 'Walking', 'Jog', 'Jump rope', 'Dancing']

Actions of Human3.6M that its original files name otherwise, or that are in small letters, have one name: "TakingPhoto"
is "Photo", "walking" is "Walking".
"""

import functools
import re

_WORDS = "chunk|part|take|trial|rep|person|clip|seq|sequence|session|segment|attempt|cam|camera"  # that count takes
_BREAKS = r"[\s_.\-\u2013\u2014,:/#]"
_COUNTER = re.compile(  # every repetition is bounded, so that a search takes linear time
    rf"(?:{_BREAKS}{{1,9}}(?:(?:{_WORDS}){_BREAKS}{{0,9}})?\d{{1,12}}|\s{{0,9}}\(\d{{1,12}}\)|\s{{0,9}}\[\d{{1,12}}\])\s{{0,9}}$",
    re.IGNORECASE,
)
_ENDING = re.compile(r"\.(?:h5|hdf5|cdf|mat|npy|npz|pkl|json|csv|tsv|txt|bvh|amc|c3d|trc|mvnx|mp4|avi)$", re.IGNORECASE)
# In the order of the columns of papers, which is not that of the alphabet at its end.
_H36M_ORDER = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting"),
    *("SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether"),
)
# Spellings of Human3.6M's original files and of papers, without blanks and in small letters -> VideoPose3D's names.
_SPELLINGS = {
    "takingphoto": "Photo",
    "takingphotos": "Photo",
    "walkingdog": "WalkDog",
    "walkdog": "WalkDog",
    "walkingtogether": "WalkTogether",
    "walktogether": "WalkTogether",
    **{action.casefold(): action for action in _H36M_ORDER},  # "walking", "sitting down"
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
    counters = re.findall(r"\d+", _without_ending(take)[len(_without_counters(take)) :])
    return (plain_name(action_of(take)) or take, *(number.lstrip("0") or "0" for number in counters))


def full_action(short: str) -> str | None:
    """Human3.6M's action for the head of a column in papers, e.g. "SittingDown" for "SitD."; `None` for others."""
    return _SHORT.get(plain_name(short))


def _without_ending(take: str) -> str:
    shorter = _ENDING.sub("", take)
    return shorter if any(c.isalpha() for c in shorter) else take


def _without_counters(take: str) -> str:
    action = _without_ending(take)
    while match := _COUNTER.search(action):
        shorter = action[: match.start()]
        if not any(c.isalpha() for c in shorter):
            break
        action = shorter
    return action
