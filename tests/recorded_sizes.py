"""A study over numbers of patients as it stands in the store when it is finished."""

from __future__ import annotations

import math

import numpy as np

from workbench.exploring.config import ExploreConfig
from workbench.exploring.study_file import remember
from workbench.runs.configs import config_to_json
from workbench.runs.events import Finished, Started
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig


def record_sizes(store: Store) -> str:
    """50, 100 and 200 patients, three seeds; Dice lost at epsilon 3 is twice n to the -0.6.

    Returns:
        The study's name.
    """
    generator = np.random.default_rng(0)
    study = ExploreConfig(
        train=TrainConfig(privacy=PrivacyConfig(target_epsilon=3.0)),
        epsilons=(3.0, math.inf),
        seeds=3,
        axes={"patients": (50, 100, 200)},
    )
    remember(study, store)
    for trial in study.trials():
        run = store.open("train", config_to_json(trial.config), study=study.study)
        lost = 0.0 if trial.config.privacy is None else 2 * (trial.config.patients or 1) ** -0.6
        store.append(run, Started(facts={}))
        result = {
            "dice": 0.9 - lost + 0.005 * generator.normal(),
            "epsilon": trial.epsilon,
            "noise_multiplier": 1.0,
            "guarantee": "",
        }
        store.append(run, Finished(result=result))
    return study.study
