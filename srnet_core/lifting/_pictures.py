"""Lifted people to look at: a strip of moments, an animation, a film. One person per file."""

import json
from pathlib import Path

from srnet_core.files import without_nan
from srnet_core.lifting._tables import about
from srnet_core.lifting.page import longest, people_scene
from srnet_core.lifting.people import LiftedPeople
from srnet_core.video import is_video
from srnet_core.visualization import film
from srnet_core.visualization.footage import Footage
from srnet_core.visualization.page import write_page
from srnet_core.visualization.picture import Progress, write_gif
from srnet_core.visualization.scene import Scene
from srnet_core.visualization.strip import write_strip


def write_moments(people: LiftedPeople, path: Path, progress: Progress, footage: Footage | None) -> None:
    """PNG: some moments side by side; what is known of the whole as JSON in the text chunk "Description"."""
    described = json.dumps(without_nan(about(people)), allow_nan=False)
    write_strip(_scene(people), path, about=described, footage=footage)


def write_moving_picture(people: LiftedPeople, path: Path, progress: Progress, footage: Footage | None) -> None:
    """GIF: at most 150 pictures at up to 25 per second."""
    write_gif(_scene(people), path, close_up=True, footage=footage, progress=progress)


def write_film(people: LiftedPeople, path: Path, progress: Progress, footage: Footage | None) -> None:
    """MP4, H.264, at up to 30 pictures per second."""
    film.write_film(_scene(people), path, close_up=True, footage=footage, progress=progress)


def write_html(people: LiftedPeople, path: Path, progress: Progress, footage: Footage | None) -> None:
    """A page, with small pictures of the video behind the 2D."""
    write_page(_scene(people), path, footage=footage, progress=progress)


def footage_of(people: LiftedPeople) -> Footage | None:
    """The video that was lifted, which is drawn behind the 2D; `None` for keypoints."""
    source = Path(people.source)
    if not (is_video(source) and source.is_file()):
        return None
    first, _ = longest(people.people[0].lifted)  # the stretch that `people_scene` shows
    return Footage(source, float(people.frame_numbers[first]) / people.fps if people.fps else 0.0)


def _scene(people: LiftedPeople) -> Scene:
    return people_scene(people, title=Path(people.source).name)
