import argparse
import json
import socket
import stat
from pathlib import Path

import pytest

from workbench.cli import lab
from workbench.errors import BadInput


def options(tmp_path: Path) -> list[str]:
    return lab.lab_options(tmp_path, "notebooks/a.ipynb", port=1234, browser=False)


def test_the_server_listens_on_this_machine_only(tmp_path: Path) -> None:
    assert "--ServerApp.ip=127.0.0.1" in options(tmp_path)
    assert "--LabApp.extension_manager=readonly" in options(tmp_path)


def test_the_token_stays_and_is_not_on_the_command_line() -> None:
    assert not any("token" in option.lower() for option in options(Path("/checkout")))


def test_settings_ask_for_no_news_and_are_private(workspace: Path) -> None:
    folder = lab.settings_folder()
    written = json.loads((folder / "labconfig/default_setting_overrides.json").read_text("utf-8"))
    notification = written["@jupyterlab/apputils-extension:notification"]
    assert notification == {"fetchNews": "false", "checkForUpdates": False}
    assert written["@jupyterlab/docmanager-extension:plugin"]["autosaveInterval"] == 15
    assert workspace in folder.parents
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_taken_port_is_refused_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"Port {port} cannot be used"):
            lab.free_port(port)


def test_a_port_is_picked_where_none_is_wanted() -> None:
    assert 1024 < lab.free_port(0) < 65536


@pytest.mark.parametrize("port", [-1, 70000])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(BadInput, match="cannot be used"):
        lab.free_port(port)


def test_an_installation_without_lessons_says_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "workbench" / "cli" / "lab.py"))
    with pytest.raises(BadInput, match="clone the repository"):
        lab.checkout()


def test_without_a_screen_there_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not lab.has_browser()


def test_the_address_with_its_token_is_printed_and_lab_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []
    (tmp_path / "notebooks").mkdir()
    (tmp_path / lab.FIRST_LESSON).write_text("{}")
    monkeypatch.setattr(lab, "checkout", lambda: tmp_path)
    for name in ("JUPYTER_CONFIG_PATH", "PYTHONPATH", "JUPYTER_TOKEN"):
        monkeypatch.setenv(name, "before" if name != "JUPYTER_TOKEN" else "secret")
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", started.append)
    result = lab.run(argparse.Namespace(no_browser=True, port=0))
    told = capsys.readouterr().err
    assert "00_start_here.ipynb?token=secret" in told
    assert "secret" not in json.dumps(result)
    assert started[0][0] == f"--ServerApp.root_dir={tmp_path}"
    assert lab.os.environ["JUPYTER_CONFIG_PATH"].endswith("before")
