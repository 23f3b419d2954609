"""Versions are pinned in pyproject.toml; environment.yml must say the same."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"matplotlib-base": "matplotlib", "pytorch-cpu": "torch"}


def pinned_in_pyproject() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(line.split("==") for line in project["dependencies"])


def pinned_in_environment() -> tuple[dict[str, str], dict[str, str]]:
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    by_conda = dict(line.split("=") for line in lines if isinstance(line, str) and "=" in line)
    by_pip = next(line["pip"] for line in lines if isinstance(line, dict))
    return by_conda, dict(line.split("==") for line in by_pip if "==" in line)


def test_both_files_name_the_same_packages_in_the_same_versions() -> None:
    by_conda, by_pip = pinned_in_environment()
    assert by_conda.pop("python") == "3.11"
    named = {CONDA_NAMES.get(name, name): version for name, version in by_conda.items()}
    assert named | by_pip == pinned_in_pyproject()


def test_opacus_and_captum_come_by_pip() -> None:
    assert {"opacus", "captum"} <= set(pinned_in_environment()[1])
