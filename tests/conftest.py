"""The notebooks' scripts are modules for the tests: build, lint, claims."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))
