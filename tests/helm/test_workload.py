"""What the chart's pods may and may not do, how they end, and where their secrets come from."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm.chart import ROOT, VALUES, Manifest, container, gateway_config, of_kind, one, pod, rendered

EVERY = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)


def containers(manifests: list[Manifest]) -> list[tuple[Manifest, Manifest]]:
    """Every pod's specification with each of its containers, the test's among them."""
    pods = [pod(manifests), *[item["spec"] for item in of_kind(manifests, "Pod")]]
    return [(spec, each) for spec in pods for each in spec["containers"]]


@EVERY
def test_every_container_keeps_to_the_restricted_profile(values: Path) -> None:
    found = containers(rendered(values))

    assert len(found) == 2
    for spec, each in found:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert set(each["resources"]["limits"]) >= {"cpu", "memory"}
        assert not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))


@EVERY
def test_what_can_be_written_has_a_bound(values: Path) -> None:
    manifests = rendered(values)
    mounts = {mount["name"]: mount for mount in container(manifests)["volumeMounts"]}

    for volume in pod(manifests)["volumes"]:
        if "emptyDir" in volume:
            # A text even where it is a number of bytes: server-side apply on old clusters takes nothing else.
            assert re.fullmatch(r"\d+([KMG]i)?", volume["emptyDir"]["sizeLimit"])
        elif "persistentVolumeClaim" not in volume and volume["name"] != "ca":
            assert mounts[volume["name"]]["readOnly"] is True


@pytest.mark.parametrize(
    ("values", "settings", "seconds"),
    [
        ("sketch", (), 650),
        ("azure", (), 5 + 10 + 900 + 10),
        ("sketch", ("config.server.drain_s=20", "config.server.drain_delay_s=0", "drain.graceSeconds=1"), 21),
        ("sketch", ("drain.preStopSeconds=30",), 680),
    ],
)
def test_a_pod_gets_the_time_that_its_gateway_takes_to_end(
    values: str, settings: tuple[str, ...], seconds: int
) -> None:
    assert pod(rendered(values, *settings))["terminationGracePeriodSeconds"] == seconds


def test_a_broken_second_counts_as_a_whole_one() -> None:
    manifests = rendered("sketch", arguments=("--set-json", "config.server.drain_s=20.5"))

    assert pod(manifests)["terminationGracePeriodSeconds"] == 10 + 21 + 10


def test_pods_that_end_are_seen_not_ready_within_the_delay() -> None:
    manifests = rendered("sketch")
    probe = container(manifests)["readinessProbe"]
    server = yaml.safe_load(gateway_config(manifests))["server"]

    assert probe["httpGet"] == {"path": "/readyz", "port": "http"}
    assert probe["periodSeconds"] * probe["failureThreshold"] < server["drain_delay_s"]


def test_no_upgrade_takes_a_pod_away_before_another_is_ready() -> None:
    assert one(rendered("sketch"), "Deployment")["spec"]["strategy"]["rollingUpdate"] == {
        "maxUnavailable": 0,
        "maxSurge": 1,
    }


def test_a_claim_that_one_node_mounts_is_let_go_before_the_next_pod_takes_it() -> None:
    assert one(rendered("single"), "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_a_changed_configuration_rolls_the_pods_and_an_unchanged_one_does_not() -> None:
    def checksum(*settings: str) -> str:
        found: str = one(rendered("sketch", *settings), "Deployment")["spec"]["template"]["metadata"]["annotations"][
            "checksum/config"
        ]
        return found

    assert checksum() == checksum("replicaCount=3")
    assert checksum() != checksum("config.default_model=gpt-image-2")


def test_what_the_gateway_reloads_need_not_roll_the_pods() -> None:
    def checksum(setting: str) -> str:
        found: str = one(rendered("sketch", "configChanges=reload", setting), "Deployment")["spec"]["template"][
            "metadata"
        ]["annotations"]["checksum/config"]
        return found

    assert checksum("config.default_model=gpt-image-2") == checksum("config.default_model=dall-e-3")
    assert checksum("config.server.max_upload_bytes=1000") != checksum("config.server.max_upload_bytes=2000")


@EVERY
def test_every_reference_to_a_secret_has_a_source_and_no_secret_is_in_a_configmap(values: Path) -> None:
    manifests = rendered(values)
    text = gateway_config(manifests)
    given = [entry["name"] for entry in container(manifests).get("env", [])]
    fetched = [entry["secretKey"] for item in of_kind(manifests, "ExternalSecret") for entry in item["spec"]["data"]]
    mounted = [mount["mountPath"] for mount in container(manifests)["volumeMounts"]]

    references = re.findall(r"\b(env|file):(\S+)", text)
    for kind, name in references:
        if kind == "env":
            assert name in [*given, *fetched]
        else:
            assert any(name.startswith(f"{path}/") for path in mounted)
    assert of_kind(manifests, "Secret") == []
    assert all("value" not in entry for entry in container(manifests).get("env", []) if entry["name"] != "LOG_LEVEL")


def test_a_shared_redis_keeps_all_that_replicas_must_share() -> None:
    config = yaml.safe_load(gateway_config(rendered("azure")))

    assert {section: config[section]["store"] for section in ("ledger", "budgets", "limits")} == dict.fromkeys(
        ("ledger", "budgets", "limits"), "env:IMAGEWAY_REDIS_URL"
    )


def test_a_store_that_is_named_wins_over_the_shared_one() -> None:
    config = yaml.safe_load(gateway_config(rendered("azure", "config.limits.store=memory")))

    assert (config["limits"], config["ledger"]) == ({"store": "memory"}, {"store": "env:IMAGEWAY_REDIS_URL"})


def test_workload_identity_is_on_the_account_and_on_the_pods() -> None:
    manifests = rendered("azure")

    assert one(manifests, "ServiceAccount")["metadata"]["annotations"] == {
        "azure.workload.identity/client-id": "11111111-2222-3333-4444-555555555555",
        "azure.workload.identity/tenant-id": "66666666-7777-8888-9999-000000000000",
    }
    labels = one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"
    assert "azure.workload.identity/use" not in one(manifests, "Deployment")["spec"]["selector"]["matchLabels"]


def test_the_probes_and_volumes_fit_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    spec = pod(rendered("sketch"))

    assert f"USER {spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" in dockerfile
    assert "/var/lib/imageway" in dockerfile
    assert spec["containers"][0]["args"] == ["--config", "/etc/imageway/gateway.yaml"]
    assert 'CMD ["--config", "/etc/imageway/gateway.yaml"]' in dockerfile


@EVERY
def test_services_and_selectors_find_the_pods_and_only_them(values: Path) -> None:
    manifests = rendered(values)
    labels = one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    tester = one(manifests, "Pod", "images-imageway-test")["metadata"]["labels"]

    def selects(selector: dict[str, Any], others: dict[str, str]) -> bool:
        return selector.items() <= others.items()

    selectors = [item["spec"]["selector"] for item in of_kind(manifests, "Service")]
    selectors += [item["spec"]["podSelector"]["matchLabels"] for item in of_kind(manifests, "NetworkPolicy")]
    selectors += [item["spec"]["selector"]["matchLabels"] for item in of_kind(manifests, "PodDisruptionBudget")]
    assert len(selectors) >= 2
    assert all(selects(selector, labels) and not selects(selector, tester) for selector in selectors)
