"""The chart as helm renders it, for the tests beside this."""

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components import require

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "imageway"
VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
HELMS = ("helm3", "helm")
"""Helm 3 and helm 4."""

Manifest = dict[str, Any]


@cache
def template(*arguments: str | Path, helm: str = "helm") -> subprocess.CompletedProcess[str]:
    command = [require(helm), "template", "images", CHART, "--namespace", "draw", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rendered(values: Path | str, *settings: str, helm: str = "helm", arguments: Sequence[str] = ()) -> list[Manifest]:
    """The objects that the release `images` in the namespace `draw` consists of; *settings* are those of `--set`."""
    path = values if isinstance(values, Path) else Path(__file__).parent / "values" / f"{values}.yaml"
    sets = [part for setting in settings for part in ("--set", setting)]
    ran = template("--values", path, *sets, *arguments, helm=helm)
    assert ran.returncode == 0, ran.stderr
    return [document for document in yaml.load_all(ran.stdout, Loader=yaml.CSafeLoader) if document]


def refusal(values: Path | str, *settings: str, helm: str = "helm") -> str:
    """What helm says where the values can't be used."""
    path = values if isinstance(values, Path) else Path(__file__).parent / "values" / f"{values}.yaml"
    ran = template("--values", path, *[part for setting in settings for part in ("--set", setting)], helm=helm)
    assert ran.returncode != 0, "helm took it"
    return ran.stderr


def of_kind(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def one(manifests: Sequence[Manifest], kind: str, name: str = "images-imageway") -> Manifest:
    [found] = [manifest for manifest in of_kind(manifests, kind) if manifest["metadata"]["name"] == name]
    return found


def gateway_config(manifests: Sequence[Manifest]) -> str:
    text: str = one(manifests, "ConfigMap")["data"]["gateway.yaml"]
    return text


def pod(manifests: Sequence[Manifest]) -> Manifest:
    spec: Manifest = one(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(manifests: Sequence[Manifest]) -> Manifest:
    [only] = pod(manifests)["containers"]
    found: Manifest = only
    return found
