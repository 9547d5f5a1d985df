"""The chart's manifests are what was meant, by both majors of helm, and what Kubernetes takes."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from components import require
from helm.chart import CHART, HELMS, VALUES, Manifest, container, of_kind, rendered

_CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject", "ExternalSecret", "HTTPRoute"}
"""Kinds that Kubernetes itself doesn't know."""
_FROM_FILES = {"PrometheusRule"}
_GOLDEN = Path(__file__).parent / "golden"


class _Readable(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def stable(manifests: list[Manifest]) -> list[Manifest]:
    """Without what is made of other files of the chart, which have tests of their own."""
    kept = [
        item for item in manifests if item["kind"] not in _FROM_FILES and "-dashboard-" not in item["metadata"]["name"]
    ]
    return sorted(kept, key=lambda item: (item["kind"], item["metadata"]["name"]))


@pytest.mark.parametrize("helm", HELMS)
def test_helm_lint_finds_nothing(helm: str) -> None:
    for values in VALUES:
        command = [require(helm), "lint", "--strict", "--quiet", "--values", values, CHART]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)

        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_manifests_are_those_that_were_looked_at(values: Path, helm: str) -> None:
    """After a change on purpose: IMAGEWAY_UPDATE_GOLDEN=1, and look at the difference."""
    golden = _GOLDEN / values.name
    manifests = stable(rendered(values, helm=helm))
    if os.environ.get("IMAGEWAY_UPDATE_GOLDEN") == "1":
        golden.write_text(yaml.dump_all(manifests, Dumper=_Readable, width=120))

    assert manifests == list(yaml.safe_load_all(golden.read_text()))


@pytest.mark.parametrize("kubernetes", ["1.25", "1.28", "1.31", "1.34", "1.37"])
def test_kubernetes_takes_every_manifest(kubernetes: str, tmp_path: Path) -> None:
    files = []
    for values in VALUES:
        arguments = ["--kube-version", f"{kubernetes}.0"]
        manifests = [item for item in rendered(values, arguments=arguments) if item["kind"] not in _CUSTOM]
        files.append(tmp_path / values.name)
        files[-1].write_text(yaml.safe_dump_all(manifests))
    command = [require("kubernetes-validate"), "--strict", "--quiet", "-k", kubernetes, *files]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_ports_name_their_protocol_without_which_old_clusters_refuse_helm_4() -> None:
    """Server-side apply keys them by port and protocol, and before Kubernetes 1.21 knows no default for the second."""
    for values in VALUES:
        manifests = rendered(values)
        ports = [port for item in of_kind(manifests, "Service") for port in item["spec"]["ports"]]

        assert {port.get("protocol") for port in [*ports, *container(manifests)["ports"]]} == {"TCP"}


def test_names_are_unique_and_carry_the_labels_that_tools_look_for() -> None:
    for values in VALUES:
        manifests = rendered(values)
        names = [(item["kind"], item["metadata"]["name"]) for item in manifests]

        assert len(set(names)) == len(names)
        for item in manifests:
            labels = item["metadata"]["labels"]
            assert labels["app.kubernetes.io/instance"] == "images"
            assert labels["app.kubernetes.io/managed-by"] == "Helm"
