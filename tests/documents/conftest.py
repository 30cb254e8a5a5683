"""The tests may import what reads the pages, however pytest started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
