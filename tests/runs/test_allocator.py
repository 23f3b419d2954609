import subprocess
import sys

import pytest

BIG_BLOCKS = """
import mmap, resource, sys
import numpy as np
from workbench.runs.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(1 << 23)
before = faults()
for _ in range(10):
    np.ones(1 << 23)
print(faults() - before)
"""


def faults(how: str) -> int:
    command = [sys.executable, "-c", BIG_BLOCKS, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it changes glibc alone")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    assert faults("keep") < faults("default") / 10
