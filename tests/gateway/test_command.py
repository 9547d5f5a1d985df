"""`imageway-gateway`: what it says and how it ends."""

import json
import socket
from hashlib import sha256
from pathlib import Path

import pytest

from imageway.gateway.__main__ import main
from imageway.gateway.settings.schema import json_schema

PAPER = "providers: [{name: paper, type: sketch}]\n"


def test_a_good_configuration_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(PAPER)

    assert main(["check", "--config", str(config)]) == 0
    assert capsys.readouterr().err == f"{config}: fine, 19 models\n"


def test_one_model_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(PAPER + "models: [{name: gpt-image-2, targets: [{provider: paper, model: gpt-image-2}]}]\n")

    assert main(["check", "--config", str(config)]) == 0
    assert capsys.readouterr().err == f"{config}: fine, 1 model\n"


def test_a_bad_configuration_never_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(PAPER + "server: {prot: 80}\n")

    assert main(["--config", str(config)]) == 2
    assert f"{config}:2:10 error[unknown-key]" in capsys.readouterr().err


def test_a_taken_port_is_a_clear_end(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["--port", str(port)]) == 1

    assert capsys.readouterr().err == f"can't listen on 127.0.0.1:{port}: Address already in use\n"


def test_an_open_host_on_the_command_line_is_refused_like_one_in_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "0.0.0.0"]) == 2
    assert "allow_unauthenticated: true" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([f"--port={port}"])

    assert caught.value.code == 2
    assert f"'{port}' is no port; ports are 0 to 65535" in capsys.readouterr().err


def test_a_key_in_the_file_is_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "providers:\n"
        "  - {name: a, type: openai, api_key: sk-live-1}\n"
        "  - name: b\n"
        "    type: openai\n"
        '    apikey: "sk-live-2"\n'
    )

    assert main(["check", "--config", str(config)]) == 2
    config.write_text("providers: [{name: a, type: openai, api_key: sk-live-1}]\n")
    assert main(["check", "--config", str(config)]) == 2
    assert "sk-live" not in capsys.readouterr().err


def test_options_may_stand_before_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(PAPER)

    assert main(["--config", str(config), "check"]) == 0
    assert capsys.readouterr().err == f"{config}: fine, 19 models\n"


def test_a_new_key_is_shown_once_with_the_line_for_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "new", "--name", "team-a"]) == 0
    printed = capsys.readouterr()
    key = printed.out.strip()
    line = f"  - {{name: team-a, sha256: {sha256(key.encode()).hexdigest()}}}\n"
    config = tmp_path / "gateway.yaml"
    config.write_text(f"{PAPER}keys:\n{line}")

    assert printed.err == f"that is the key, shown this once; into the configuration, under keys:\n{line}"
    assert main(["check", "--config", str(config)]) == 0


def test_a_new_key_without_a_name_is_called_by_its_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new"]) == 0

    printed = capsys.readouterr()
    assert f"name: key-{sha256(printed.out.strip().encode()).hexdigest()[:8]}," in printed.err


@pytest.mark.parametrize("name", ["", "a b", "-a", "é", "x" * 65])
def test_a_key_gets_no_name_that_the_configuration_would_refuse(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["keys", "new", f"--name={name}"])

    assert caught.value.code == 2
    assert "is no name: letters, digits, '.', '_' and '-', up to 64 of them" in capsys.readouterr().err


def test_the_schema_is_printed_as_json(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["schema"]) == 0

    assert json.loads(capsysbinary.readouterr().out) == json_schema()


def test_every_problem_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "server: {prot: 80}\n"
        "providers:\n"
        "  - {name: a, type: sketsch}\n"
        f'  - {{name: b, type: openai, api_key: "file:{tmp_path}/nowhere"}}\n'
        'limits: {store: "env:NO_SUCH_REDIS"}\n'
        "budgets: {store: spent.sqlite3}\n"
    )

    assert main(["check", "--config", str(config)]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(config))]
    places = [line.split(" ", 1)[0].removeprefix(f"{config}:") for line in told]
    assert places == ["1:10", "3:21", "4:5", "5:17", "6:18"]
    assert [line.partition(" error")[2].partition("]")[0] + "]" for line in told] == [
        "[unknown-key]",
        "[unknown-provider]",
        "[provider]",
        "[limits]",
        "[budgets]",
    ]
