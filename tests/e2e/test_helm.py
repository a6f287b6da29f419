"""The chart as Helm renders it: valid, hardened, and with flags and files that the exporter knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml

from exporter.cli.flags import parse
from exporter.cli.version import build
from exporter.config import load
from exporter.config.shard import Shard

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
CHART: Final = DEPLOY / "helm" / "bingx-exporter"
OF_THE_OPERATOR: Final = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
"""Kinds that Prometheus' operator brings to a cluster, and that Kubernetes' own schemas do not know."""

FULL: Final[dict[str, Any]] = {
    "fullnameOverride": "desk",
    "commonLabels": {"team": "risk"},
    "image": {"repository": "mirror/bingx-exporter", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "mirror"}],
    "log": {"level": "debug", "format": "json"},
    "extraArgs": ["--collector.reconciliation"],
    "extraEnv": [{"name": "HEDGE_KEY", "valueFrom": {"secretKeyRef": {"name": "hedge", "key": "key"}}}],
    "extraEnvFrom": [{"secretRef": {"name": "more"}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "extraManifests": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"a": "b"}}],
    "persistence": {"storageClass": "fast", "size": "5Gi", "annotations": {"keep": "yes"}},
    "serviceAccount": {"annotations": {"role": "none"}},
    "service": {"type": "NodePort", "annotations": {"a": "b"}},
    "serviceMonitor": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "relabelings": [{"action": "labeldrop", "regex": "pod"}],
        "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"}],
    },
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboards": {"enabled": True, "annotations": {"folder": "BingX"}},
    "networkPolicy": {
        "enabled": True,
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
    },
    "podDisruptionBudget": {"enabled": True},
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "priorityClassName": "high",
}
PODS: Final = {"serviceMonitor": {"enabled": False}, "podMonitor": {"enabled": True}, "persistence": {"enabled": False}}
SHARDED: Final[dict[str, Any]] = {**FULL, "shards": 3}
CLAIM: Final = {"persistence": {"existingClaim": "mine"}, "existingSecret": "", "existingConfigSecret": "config"}
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "default": {},
    "full": FULL,
    "pods": {**FULL, **PODS},
    "claim": CLAIM,
    "shards": {"shards": 3},
    "shards, full": SHARDED,
    "shards, pods": {**SHARDED, **PODS},
}
EVERY_SHAPE: Final = pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES.keys())


@pytest.fixture(scope="module")
def chart() -> Iterator[helm.Chart]:
    with helm.Chart.load(CHART) as chart:
        yield chart


def objects(chart: helm.Chart, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    rendered = chart.render(dict(values), name="demo", namespace="monitoring")
    texts = [text for path, text in rendered.items() if path.endswith(".yaml")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in found if one["kind"] == kind]


def pod(found: list[dict[str, Any]]) -> dict[str, Any]:
    (stateful,) = of_kind(found, "StatefulSet")
    spec: dict[str, Any] = stateful["spec"]["template"]["spec"]
    return spec


@EVERY_SHAPE
def test_helm_finds_no_fault(values: dict[str, Any]) -> None:
    report = helm.lint(CHART, values, strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@EVERY_SHAPE
@pytest.mark.parametrize("version", ["1.31", "1.35"])
def test_kubernetes_takes_every_object(version: str, values: dict[str, Any], chart: helm.Chart) -> None:
    found = objects(chart, values)
    for one in found:
        if one["kind"] not in OF_THE_OPERATOR:
            kubernetes_validate.validate(one, version, strict=True)
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(set(names)) == len(names)


def test_by_default_there_is_nothing_that_a_bare_cluster_lacks(chart: helm.Chart) -> None:
    kinds = sorted(one["kind"] for one in objects(chart, {}))
    assert kinds == ["Pod", "Secret", "Service", "ServiceAccount", "StatefulSet"]


def test_everything_that_can_be_switched_on_is_there(chart: helm.Chart) -> None:
    kinds = {one["kind"] for one in objects(chart, FULL)}
    assert {"ServiceMonitor", "PrometheusRule", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap"} <= kinds
    assert "PodMonitor" in {one["kind"] for one in objects(chart, SHAPES["pods"])}


@EVERY_SHAPE
def test_the_exporter_runs_with_no_right_that_it_does_not_need(values: dict[str, Any], chart: helm.Chart) -> None:
    spec = pod(objects(chart, values))
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False


@EVERY_SHAPE
def test_the_exporter_understands_its_flags_and_its_probes(
    values: dict[str, Any], chart: helm.Chart, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container,) = pod(objects(chart, values))["containers"]
    if "--shard=auto" in container["args"]:
        monkeypatch.setenv("POD_NAME", "demo-bingx-exporter-2")
    flags = parse(container["args"])
    assert (flags.command, flags.config_file) == ("run", "/etc/bingx-exporter/config.yaml")
    assert f":{container['ports'][0]['containerPort']}" in flags.addresses_by_default
    assert {probe: container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {
        "livenessProbe": "/-/healthy",
        "readinessProbe": "/-/ready",
    }


@pytest.mark.parametrize("values", [{"shards": 3}, SHARDED], ids=["default", "full"])
def test_every_pod_is_the_shard_that_its_name_says(
    values: dict[str, Any], chart: helm.Chart, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stateful,) = of_kind(objects(chart, values), "StatefulSet")
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    (variable,) = [one for one in container["env"] if one["name"] == "POD_NAME"]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert {"name": "POD_NAME"}.items() <= container["env"][0].items()

    shards = []
    for number in range(stateful["spec"]["replicas"]):
        monkeypatch.setenv("POD_NAME", f"{stateful['metadata']['name']}-{number}")
        shards.append(parse(container["args"]).shard)
    assert shards == [Shard(number=number, total=3) for number in range(3)]


def test_every_shard_has_a_ledger_of_its_own_and_none_waits_for_another(chart: helm.Chart) -> None:
    (stateful,) = of_kind(objects(chart, {"shards": 3}), "StatefulSet")
    (claim,) = stateful["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "ledger"
    assert stateful["spec"]["podManagementPolicy"] == "Parallel"


def test_shards_may_go_one_at_a_time_and_each_is_scraped(chart: helm.Chart) -> None:
    found = objects(chart, SHARDED)
    (budget,) = of_kind(found, "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    (stateful,) = of_kind(found, "StatefulSet")
    labels = stateful["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        budget["spec"]["selector"],
        *(one["spec"]["selector"] for one in of_kind(found, "ServiceMonitor")),
    ):
        assert selector["matchLabels"].items() <= labels


def test_a_single_pod_is_no_shard(chart: helm.Chart) -> None:
    (container,) = pod(objects(chart, {}))["containers"]
    assert not [argument for argument in container["args"] if "shard" in argument]
    assert "env" not in container


@EVERY_SHAPE
def test_every_volume_that_is_mounted_is_there(values: dict[str, Any], chart: helm.Chart) -> None:
    found = objects(chart, values)
    (stateful,) = of_kind(found, "StatefulSet")
    claims = {claim["metadata"]["name"] for claim in stateful["spec"].get("volumeClaimTemplates", ())}
    volumes = {volume["name"] for volume in pod(found)["volumes"]}
    assert {mount["name"] for mount in pod(found)["containers"][0]["volumeMounts"]} == volumes | claims
    assert not volumes & claims


def test_the_configuration_of_the_chart_can_be_loaded(chart: helm.Chart, tmp_path: Path) -> None:
    found = objects(chart, {})
    (secret,) = of_kind(found, "Secret")
    mounts = {mount["name"]: mount["mountPath"] for mount in pod(found)["containers"][0]["volumeMounts"]}
    for name in ("main-key", "main-secret"):
        (tmp_path / name).write_text("x" * 32)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "config.yaml").write_text(secret["stringData"]["config.yaml"].replace(f"{mounts['keys']}/", ""))
    config = load(tmp_path / "config.yaml", environ={})
    assert config.warnings == ()
    assert config.ledger.url.startswith(f"sqlite:///{mounts['ledger']}/")


def test_a_changed_configuration_makes_a_new_pod(chart: helm.Chart) -> None:
    def checksum(values: Mapping[str, Any]) -> str:
        (stateful,) = of_kind(objects(chart, values), "StatefulSet")
        return str(stateful["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum({}) == checksum({})
    assert checksum({}) != checksum({"config": {"defaults": {"timeout": "4s"}}})


@EVERY_SHAPE
def test_selectors_find_the_pod_of_the_exporter_and_no_other(values: dict[str, Any], chart: helm.Chart) -> None:
    found = objects(chart, values)
    (stateful,) = of_kind(found, "StatefulSet")
    selectors = [stateful["spec"]["selector"]["matchLabels"]]
    selectors += [one["spec"]["selector"] for one in of_kind(found, "Service")]
    selectors += [
        one["spec"]["selector"]["matchLabels"]
        for kind in ("ServiceMonitor", "PodMonitor")
        for one in of_kind(found, kind)
    ]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in of_kind(found, "NetworkPolicy")]
    (test,) = of_kind(found, "Pod")
    for selector in selectors:
        assert selector.items() <= stateful["spec"]["template"]["metadata"]["labels"].items()
        assert not selector.items() <= test["metadata"]["labels"].items()


def test_the_rules_are_those_of_the_project(chart: helm.Chart) -> None:
    rules = sorted((DEPLOY / "prometheus" / "rules").glob("*.yaml"))
    there = [one["spec"] for one in of_kind(objects(chart, FULL), "PrometheusRule")]
    assert rules
    assert sorted(there, key=str) == sorted((yaml.safe_load(path.read_text("utf-8")) for path in rules), key=str)


def test_the_dashboards_are_those_of_the_project(chart: helm.Chart) -> None:
    """Where there are some, they are linked into the chart: files/dashboards is deploy/grafana."""
    boards = {path.name: path.read_text("utf-8") for path in (DEPLOY / "grafana").glob("*.json")}
    maps = [one for one in of_kind(objects(chart, FULL), "ConfigMap") if one["metadata"]["name"] != "extra"]
    assert {name: text.strip() for one in maps for name, text in one["data"].items()} == {
        name: text.strip() for name, text in boards.items()
    }


def test_the_links_of_alerts_and_dashboards_lead_where_the_runbook_is(chart: helm.Chart) -> None:
    page = "https://git.example/desk/bingx/-/blob/main/docs/runbook.md?plain=0&x=%20"
    values = {**FULL, "runbookUrl": page}
    chart.validate_schema(values)
    found = objects(chart, values)
    texts = [path.read_text("utf-8") for path in (DEPLOY / "prometheus" / "rules").glob("*.yaml")]
    wanted = [yaml.safe_load(text.replace("docs/runbook.md#", f"{page}#")) for text in texts]
    there = [one["spec"] for one in of_kind(found, "PrometheusRule")]
    assert sorted(there, key=str) == sorted(wanted, key=str)
    assert f"{page}#bingxliquidated'" in str(there)

    maps = [one for one in of_kind(found, "ConfigMap") if one["metadata"]["name"] != "extra"]
    boards = [json.loads(text) for one in maps for text in one["data"].values()]
    (variables,) = {
        (one["query"], one["current"]["value"])
        for board in boards
        for one in board["templating"]["list"]
        if one["name"] == "runbook"
    }
    assert variables == (page, page)
    assert len(boards) == len(list((DEPLOY / "grafana").glob("*.json"))) == str(boards).count(f"'query': '{page}'")


@pytest.mark.parametrize(
    ("kind", "value", "endpoints"),
    [("ServiceMonitor", "serviceMonitor", "endpoints"), ("PodMonitor", "podMonitor", "podMetricsEndpoints")],
)
def test_a_monitor_may_be_told_of_tls_and_of_a_password(
    kind: str, value: str, endpoints: str, chart: helm.Chart
) -> None:
    tls = {"ca": {"secret": {"name": "web", "key": "ca.crt"}}, "serverName": "bingx"}
    login = {"username": {"name": "web", "key": "user"}, "password": {"name": "web", "key": "password"}}
    (plain,) = of_kind(objects(chart, {value: {"enabled": True}}), kind)
    assert plain["spec"][endpoints][0]["scheme"] == "http"
    assert not {"tlsConfig", "basicAuth"} & plain["spec"][endpoints][0].keys()
    values = {value: {"enabled": True, "scheme": "https", "tlsConfig": tls, "basicAuth": login}}
    chart.validate_schema(values)
    (monitor,) = of_kind(objects(chart, values), kind)
    (endpoint,) = monitor["spec"][endpoints]
    assert (endpoint["scheme"], endpoint["tlsConfig"], endpoint["basicAuth"]) == ("https", tls, login)


@pytest.mark.parametrize(
    "values",
    [
        {"shards": 0},
        {"shards": "3"},
        {"shards": 2, "persistence": {"existingClaim": "mine"}},
        {"replicaCount": 2},
        {"image": {"tag": "latest"}},
        {"image": {"digest": "0" * 64}},
        {"log": {"level": "loud"}},
        {"persistence": {"size": "big"}},
        {"persistence": {"acessModes": []}},
        {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
        {"extraArgs": "--collector.reconciliation"},
        {"serviceMonitor": {"scheme": "HTTPS"}},
        {"podMonitor": {"basicAuth": {"user": {}}}},
        {"runbookUrl": "https://wiki/bingx-runbook#"},
        {"runbookUrl": 'https://wiki/"'},
        {"runbookUrl": "wiki/runbook"},
        {"runbookUrl": "https://wiki/a page"},
    ],
    ids=str,
)
def test_a_slip_of_the_pen_is_refused(values: dict[str, Any], chart: helm.Chart) -> None:
    with pytest.raises(helm.HelmValuesError):
        chart.validate_schema(values)


def test_every_value_is_in_the_schema(chart: helm.Chart) -> None:
    schema = chart.schema
    assert schema is not None
    assert set(schema["properties"]) - {"global"} == set(chart.values)


def test_the_package_holds_the_files_that_are_linked(tmp_path: Path) -> None:
    with helm.Chart.load(helm.package(CHART, destination=tmp_path)) as packed:
        names = {file["name"] for file in packed.files}
    assert {f"files/rules/{path.name}" for path in (DEPLOY / "prometheus" / "rules").glob("*.yaml")} <= names


def test_the_chart_names_the_version_of_the_exporter(chart: helm.Chart) -> None:
    assert chart.metadata["appVersion"] == build().version
