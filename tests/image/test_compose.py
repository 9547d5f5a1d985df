"""The compose file as far as it can be looked at without a Docker engine: its shape, and what its files say."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from components import require
from installed_gateway import check

FOLDER = Path(__file__).parents[2] / "examples/compose"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def test_nothing_is_reached_from_other_machines() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert [port.rpartition(":")[0] for port in ports] == ["127.0.0.1:8080", "127.0.0.1:9090", "127.0.0.1:3000"]


def test_every_file_that_is_mounted_is_there_and_read_only() -> None:
    mounts = [volume.split(":") for service in SERVICES.values() for volume in service.get("volumes", [])]
    files = [mount for mount in mounts if mount[0].startswith(".")]

    assert len(files) == 6
    assert all((FOLDER / source).exists() and rest[1:] == ["ro"] for source, *rest in files)
    assert {source for source, *_ in mounts if not source.startswith(".")} == {"redis", "prometheus"}


def test_the_gateway_runs_as_locked_down_as_in_a_cluster() -> None:
    gateway = SERVICES["gateway"]

    assert (gateway["user"], gateway["read_only"], gateway["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert (FOLDER / gateway["build"]["context"] / "Dockerfile").resolve().is_file()


def test_the_gateway_takes_its_configuration() -> None:
    assert check("gateway.yaml", folder=FOLDER) == (0, "gateway.yaml: fine, 19 models\n")


def test_redis_has_on_disk_what_it_said_it_has() -> None:
    """Or a picture that was paid for is forgotten with the machine's power."""
    assert SERVICES["redis"]["command"] == ["redis-server", "--appendonly", "yes", "--appendfsync", "always"]


def test_prometheus_takes_its_configuration_and_asks_where_the_gateway_answers() -> None:
    told = subprocess.run(
        [require("promtool"), "check", "config", "--syntax-only", FOLDER / "prometheus.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    [scrape] = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    port = yaml.safe_load((FOLDER / "gateway.yaml").read_text())["server"]["metrics_port"]

    assert told.returncode == 0, told.stderr
    assert scrape["static_configs"] == [{"targets": [f"gateway:{port}"]}]


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    [source] = yaml.safe_load((FOLDER / "grafana/datasources.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((FOLDER / "grafana/dashboards.yaml").read_text())["providers"]
    mounted = {volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]}

    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    assert provider["options"]["path"] in mounted
