"""Workers of any Dask scheduler train a study, if they answer and compute what we would."""

from __future__ import annotations

import gc
import math
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, UnderWay
from workbench.exploring.sweep import Sweep
from workbench.runs import elsewhere
from workbench.runs.elsewhere import connected, odd_worker
from workbench.runs.events import Finished
from workbench.runs.jobs import close, workers
from workbench.runs.record import versions
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig


@pytest.fixture(autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    close()
    gc.collect()  # what a connection leaves behind complains here, and not in another test


@pytest.fixture
def here() -> Iterator[Any]:
    """A scheduler and two workers in this process: real connections without a start of seconds."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster


def study(data: str, **settings: Any) -> ExploreConfig:
    train = TrainConfig(
        data=data, steps=1, sample_rate=0.3, model="unet-small",
        privacy=PrivacyConfig(target_epsilon=1.0, delta=1e-3),
    )  # fmt: skip
    return ExploreConfig(**{"train": train, "epsilons": (math.inf,), "seeds": 3} | settings)


@pytest.mark.slow
def test_the_workers_of_a_cluster_train_as_many_at_once_as_they_are(discs: str) -> None:
    from distributed import LocalCluster

    store = Store()
    with LocalCluster(
        n_workers=3, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        sweep = Sweep(study(discs), store, scheduler=cluster.scheduler_address)
        events = list(sweep.events())
        assert max(len(event.running) for event in events if isinstance(event, UnderWay)) == 3
        assert sorted(e.seed for e in events if isinstance(e, Explored)) == [0, 1, 2]
        close()
    assert [record.status for record in store.list("train")] == ["finished"] * 3


def test_the_number_of_workers_is_asked(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers(here.scheduler_address) == 2
    monkeypatch.setenv("WORKBENCH_SCHEDULER", here.scheduler_address)
    assert workers() == 2


@pytest.mark.parametrize("package", sorted(versions()))
def test_workers_with_another_version_are_refused_in_a_sentence(
    here: Any, monkeypatch: pytest.MonkeyPatch, discs: str, package: str
) -> None:
    own = versions()
    monkeypatch.setattr(elsewhere, "versions", lambda: {**own, package: "99.1.2"})
    store = Store()
    events = Sweep(study(discs), store, scheduler=here.scheduler_address).events()
    said = f"has {package} {own[package]} and this process has 99.1.2; install the same"
    with pytest.raises(BadInput, match=re.escape(said)):
        list(events)
    assert store.list() == []


def test_of_python_the_third_number_does_not_count(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    major, minor, *_ = versions()["python"].split(".")
    monkeypatch.setattr(
        elsewhere, "versions", lambda: {**versions(), "python": f"{major}.{minor}.99"}
    )
    client = connected(here.scheduler_address)
    assert odd_worker(client) == ""
    client.close()


def test_a_worker_of_another_version_that_comes_later_is_given_nothing(
    here: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert workers(here.scheduler_address) == 2
    monkeypatch.setattr(elsewhere, "versions", lambda: {"workbench": "99"})
    with caplog.at_level("WARNING", logger="workbench.runs.cluster"):
        here.scale(3)
        wait_until(lambda: "install the same version" in caplog.text)
    assert workers(here.scheduler_address) == 2
    monkeypatch.undo()
    here.scale(4)
    wait_until(lambda: workers(here.scheduler_address) == 3)


@pytest.mark.slow
def test_a_scheduler_that_is_lost_in_the_middle_ends_the_study_in_a_sentence(discs: str) -> None:
    from distributed import LocalCluster

    store = Store()
    cluster = LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    many = study(discs, train=TrainConfig(
        data=discs, steps=40, sample_rate=0.3, model="unet-small",
        privacy=PrivacyConfig(target_epsilon=1.0, delta=1e-3),
    ))  # fmt: skip
    events = Sweep(many, store, scheduler=cluster.scheduler_address).events()
    next(event for event in events if isinstance(event, Explored))
    cluster.close()
    with pytest.raises(BadInput, match="scheduler"):
        list(events)
    assert [record.status for record in store.list("train")].count("finished") == 1


def test_a_worker_that_does_not_know_the_workbench_is_named() -> None:
    class Client:
        def run(self, *_: object, **__: object) -> dict[str, Any]:
            return {"tcp://a:1": versions(), "tcp://b:2": ModuleNotFoundError("No module named x")}

    said = odd_worker(Client())
    assert said.startswith("The worker at tcp://b:2 cannot load the workbench (No module named x)")


def test_a_scheduler_without_workers_is_refused() -> None:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        pytest.raises(BadInput, match="has no workers; start some with 'dask worker"),
    ):
        workers(cluster.scheduler_address)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that listens and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_scheduler_that_does_not_answer_touches_no_finished_run(
    silent: str, discs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "ANSWER_SECONDS", 0.5)
    store = Store()
    kept = store.open("train", {"data": "x"}, study=study(discs).study)
    store.append(kept, Finished(result={"dice": 0.5}))
    before = (store.list(), files(store.root))
    for address in (silent, "127.0.0.1:1", "tls://127.0.0.1:1", "soup", "tcp://[::", "ftp://x:1"):
        events = Sweep(study(discs), store, scheduler=address).events()
        with pytest.raises(BadInput, match="no Dask scheduler answers at .* check the address"):
            list(events)
    assert (store.list(), files(store.root)) == before
    assert store.record(kept).status == "finished"


def files(root: Path) -> dict[Path, bytes]:
    runs = root / "runs"
    return {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}


def wait_until(holds: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
