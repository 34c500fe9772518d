"""`python -m robot_learning.demonstrations.draw STORE ID`: one picture.

The recorder starts it behind everything else; the command line would import far more than it needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from robot_learning.demonstrations.picture import draw_episode
from robot_learning.demonstrations.store import Store


def main(folder: str, episode_id: str) -> None:
    """Draws an episode's picture."""
    store = Store(Path(folder))
    episode, summary = store.read(store.file(episode_id))
    draw_episode(episode, summary, store.picture_file(episode_id))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
