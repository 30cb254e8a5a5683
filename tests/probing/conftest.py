"""The tests here may import what other tests made, however pytest was started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
