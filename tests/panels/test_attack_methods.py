import subprocess
import sys

import pytest

from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE
from workbench.panels.attack_methods import WORDS, attacks_offered, check_method, task_of
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_networks import NETWORKS


def test_every_attack_of_the_catalogue_has_its_words() -> None:
    assert set(WORDS) == set(METHODS)
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize("model", NETWORKS)
def test_an_attack_is_offered_where_it_can_do_the_task(model: str) -> None:
    for task in CATALOGUE[model].tasks:
        offered = attacks_offered(model, task)
        assert "two-stage" in offered
        assert all(task in METHODS[name].tasks for name in offered)
    assert "idlg" not in attacks_offered("unet")
    assert "idlg" in attacks_offered("cnn")


def test_of_a_persons_own_network_nothing_is_known_so_every_attack_is_offered() -> None:
    assert set(attacks_offered("package.module:net")) == set(METHODS)
    assert task_of(AttackConfig(model="package.module:net")) == "segmentation"
    assert task_of(AttackConfig(model="mlp", task="classification")) == "classification"
    check_method(AttackConfig(model="package.module:net", attack="idlg"))


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"attack": "imprint"}, "server"),
        ({"attack": "learned-prior"}, "public"),
        ({"attack": "noisy", "mask": "unknown"}, "mask"),
        ({"attack": "exact", "size": 64}, "size"),
        ({"attack": "exact", "size": 32, "batch": 2}, "batch"),
        ({"attack": "analytic", "model": "mlp", "local_steps": 2}, "local_steps"),
    ],
)
def test_what_the_attacker_lacks_stands_under_the_control_that_gives_it(
    model: AttackModel, begun: list, choices: dict, field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check_method(AttackConfig(**choices))
    assert refused.value.field == field
    model.set(**choices)
    model.start()
    assert begun == []
    assert field in model.errors


@pytest.mark.slow
def test_opening_the_attack_panel_loads_no_torch() -> None:
    code = (
        "import sys, workbench.panels.attack as a; a.warm = lambda *names: None; a.AttackPanel();"
        "sys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    )
    opened = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert opened.returncode == 0, opened.stderr
