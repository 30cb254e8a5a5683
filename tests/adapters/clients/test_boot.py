"""What is started in a client's environment brings nothing along that the client could see."""

import subprocess
import sys
from pathlib import Path

from kimi_conformance.adapters.clients import boot

CODE = """
import runpy, sys
boot = runpy.run_path(sys.argv[1], run_name="boot")
boot["make_importable"](boot["PACKAGE"])
import kimi_conformance.adapters.process.serve
from kimi_conformance.adapters.clients.bridges import __doc__
tops = {name.partition(".")[0] for name in sys.modules}
print(*sorted(tops - sys.stdlib_module_names - {"__main__", "kimi_conformance"}))
print(any("site-packages" in path or path == str(boot["PACKAGE"].parent) for path in sys.path))
"""


def test_serving_a_client_needs_the_standard_library_and_this_package_only() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", CODE, str(boot.__file__)],
        capture_output=True,
        text=True,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["", "False"]


def test_the_package_is_found_where_it_stands() -> None:
    assert Path(boot.__file__).is_relative_to(boot.PACKAGE)
    assert boot.PACKAGE.name == "kimi_conformance"
