"""Steps for tests are those of the replay's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
