"""Values are refused before anything is installed, in words that say what is wrong."""

import runpy

import pytest
import yaml

from helm.chart import CHART, HELMS, ROOT, refusal, rendered
from imageway.contract.version import __version__

KEY = "config.keys[0].name=a,config.keys[0].sha256=" + "0" * 64
OPENAI = "config.providers[0].name=main,config.providers[0].type=openai"


def test_the_schema_is_that_of_the_gateway_as_it_is() -> None:
    """`make chart-schema` writes it anew."""
    written = runpy.run_path(str(ROOT / "helm" / "values_schema.py"))["values_schema"]()

    assert (CHART / "values.schema.json").read_bytes() == written


def test_the_chart_is_for_the_version_beside_it() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == __version__


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("config.server.prot=80", ("config", "server", "prot", "not allowed")),
        ("config.providers[0].type=opnai", ("providers", "type", "must be one of", "openai", "sketch")),
        (f"{OPENAI},config.providers[0].api_kex=env:X", ("providers", "api_kex", "not allowed")),
        (f"{KEY},config.keys[0].images_per_minute=0", ("images_per_minute",)),
        ("replicaCount=0", ("replicaCount", "1")),
        ("replicas=3", ("replicas", "not allowed")),
        ("redis.url=redis://:word@redis", ("redis", "url", "does not match pattern")),
        ("secretEnv.OPENAI_API_KEY=sk-secret", ("secretEnv", "OPENAI_API_KEY", "object")),
        ("image.digest=latest", ("image", "digest", "sha256")),
        ("volumes.tmp.sizeLimit=2 GB", ("volumes", "tmp", "sizeLimit")),
    ],
)
def test_the_schema_refuses_by_place(helm: str, setting: str, told: tuple[str, ...]) -> None:
    message = refusal("sketch", setting, helm=helm)

    assert all(word.lower() in message.lower() for word in told), message


@pytest.mark.parametrize(
    ("values", "settings", "told"),
    [
        (
            "sketch",
            (OPENAI,),
            "config.keys is empty: whoever reaches the gateway would spend your money. Make a key with"
            " `imageway-gateway keys new`, or say config.server.allow_unauthenticated: true",
        ),
        (
            "sketch",
            ("config.ledger.store=sqlite:/var/lib/imageway/l.sqlite3",),
            "config.ledger is kept in SQLite, which is for one replica: name a Redis as its store, enable redis, or set"
            " replicaCount: 1 and no autoscaling",
        ),
        (
            "single",
            ("replicaCount=2", "config.ledger=null", "config.budgets=null"),
            "volumes.state.persistentVolumeClaim is for one node, and there are several replicas: give it"
            " ReadWriteMany, or set replicaCount: 1 and no autoscaling",
        ),
        (
            "azure",
            ("keda.enabled=true",),
            "autoscaling and keda are both enabled; one of them sets the number of replicas",
        ),
        (
            "sketch",
            ("redis.enabled=true",),
            "redis.enabled needs redis.url, or redis.existingSecret.name with the address under its key",
        ),
        (
            "sketch",
            ("config.server.max_call_s=null",),
            "config.server.max_call_s is missing, and the pod's time to end, its volumes and the proxies in front go by"
            " it",
        ),
        ("sketch", ("config.server.port=0",), "config.server.port is 0, a port that nobody knows"),
        (
            "sketch",
            ("config.server.host=127.0.0.1",),
            "config.server.host is 127.0.0.1, where neither callers nor probes get to; 0.0.0.0 is every address of the"
            " pod",
        ),
        (
            "sketch",
            ("ingress.enabled=true",),
            "ingress.hosts is empty: name the host under which callers reach the gateway",
        ),
        (
            "sketch",
            ("httpRoute.enabled=true",),
            "httpRoute.parentRefs is empty: name the Gateway that the route belongs to",
        ),
        (
            "azure",
            ("azureWorkloadIdentity.clientId=",),
            "azureWorkloadIdentity.clientId is the client id of the identity",
        ),
        (
            "openai",
            ("externalSecrets.secretStoreRef.name=",),
            "externalSecrets.secretStoreRef.name names the store to fetch from",
        ),
        (
            "openai",
            ("serviceAccount.name=",),
            "serviceAccount.name names the account to use where serviceAccount.create is false",
        ),
    ],
)
def test_what_can_not_work_is_refused_in_a_sentence(values: str, settings: tuple[str, ...], told: str) -> None:
    message = " ".join(refusal(values, *settings).split())

    assert told in message


def test_open_doors_are_only_the_charts_own_idea_where_nothing_costs() -> None:
    opened = rendered("sketch")
    asked = rendered("sketch", OPENAI, "config.server.allow_unauthenticated=true")
    closed = rendered("sketch", KEY)

    doors = [
        yaml.safe_load(item["data"]["gateway.yaml"])["server"].get("allow_unauthenticated")
        for manifests in (opened, asked, closed)
        for item in manifests
        if item["kind"] == "ConfigMap"
    ]
    assert doors == [True, True, None]
