"""The house has floors; a room may only use what lies below it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import workbench

HOUSE = Path(workbench.__file__).parent
FLOORS = [
    {"errors", "types"},
    {"runs"},
    {"imaging", "models", "accounting"},
    {"dpsgd"},
    {"training", "attacks"},
    {"exploring", "auditing"},
    {"figures"},
    {"panels"},
    {"door"},
    {"cli", "__main__", "__init__"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(HOUSE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES} <= set(FLOOR_OF)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_go_down(path: Path) -> None:
    own = room_of(path)
    if own == "__init__":
        return
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("workbench.")}
    up = {room for room in rooms - {own} if FLOOR_OF[room] >= FLOOR_OF[own]}
    assert not up, f"{own} uses {up}, which do not lie below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_only_panels_know_widgets_and_only_figures_draw(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)}
    if room_of(path) not in ("panels", "door"):
        assert not tops & {"ipywidgets", "anywidget", "traitlets"}
    if room_of(path) not in ("figures", "panels"):
        assert not tops & {"plotly", "matplotlib"}
    assert "matplotlib.pyplot" not in imported(path)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, workbench; heavy = {'torch', 'numpy', 'plotly', 'opacus'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
