"""What tests of several commands say alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.__main__ import main


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Runs a command that must end with status 2 and no result; returns what it says instead."""

    def run(words: str) -> str:
        assert main(words.split()) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        return said.err

    return run
