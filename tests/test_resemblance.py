"""A run is not made again though a file was edited, if nothing looks at what was edited; else it is."""

import json
import random
from pathlib import Path

import pytest

from manifests import MISSPELT_MODE
from meshlint import cache as caches
from meshlint.checking.catalog import load_catalog
from meshlint.cli import resemblance, run
from meshlint.lint import Options, lint
from meshlint.model.unseen import is_same, seen
from meshlint.report import render
from meshlint.source.kustomize import building_program
from meshlint.source.reading import read_text

ROOT = Path(__file__).parent.parent
CART = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: cart}
  template:
    metadata:
      labels: {app: cart}
    spec:
      containers:
      - name: app
        image: registry.example/cart:1.2
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: till
  namespace: shop
stringData:
  password: one
"""
WAYPOINT = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop}
spec:
  gatewayClassName: istio-waypoint
  listeners: [{name: mesh, port: 15008, protocol: HBONE}]
"""
WAYPOINT_USER = """\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop, labels: {istio.io/use-waypoint: waypoint}}
spec: {selector: {app: cart}, ports: [{port: 80}]}
"""
CONFIG = SECRET.replace("Secret", "ConfigMap").replace("stringData", "data")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with a manifest in which there is a fault, and others in which there is none."""
    monkeypatch.setattr(resemblance, "LEAST_KEPT", 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(MISSPELT_MODE)
    (tmp_path / "cart.yaml").write_text(CART)
    (tmp_path / "till.yaml").write_text(SECRET)
    (tmp_path / "values.yaml").write_text("tag: 1.2\n")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def told(capsys, *options):
    code = run(["check", *options])
    return code, capsys.readouterr()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cart.yaml", "cart:1.2", "cart:1.3"),
        ("cart.yaml", "replicas: 2", "replicas: 3"),
        ("cart.yaml", "  replicas: 2\n", ""),
        ("cart.yaml", "apiVersion", "# A comment.\napiVersion"),
        ("cart.yaml", "{app: cart}\n  template", "\n      app: 'cart'\n  template"),
        ("cart.yaml", "        image", "        resources: {limits: {memory: 1Gi}}\n        image"),
        ("till.yaml", "one", "two"),
        ("values.yaml", "1.2", "1.3"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--format", "json"], ["--format", "sarif"]])
def test_what_nothing_looks_at_may_change(file, old, new, options, here, lints, capsys):
    first = told(capsys, *options)
    edit(here / file, old, new)
    second = told(capsys, *options)

    assert 1 == len(lints)
    assert first == second == told(capsys, *options, "--no-cache")
    assert second == told(capsys, *options)
    assert 2 == len(lints)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cart.yaml", "cart:1.2", "istio/proxyv2:1.24.0"),
        ("cart.yaml", "cart:1.2", "{a: b}"),
        ("cart.yaml", "labels: {app: cart}", "labels: {app: cart, istio.io/dataplane-mode: none}"),
        ("cart.yaml", "labels: {app: cart}", "labels: {app: carts}"),
        ("cart.yaml", "name: cart\n", "name: carts\n"),
        ("cart.yaml", "namespace: shop", "namespace: till"),
        ("cart.yaml", "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n"),
        ("cart.yaml", "replicas: 2", "replicas: [2"),
        ("cart.yaml", "  replicas: 2\n", "  {{ if .Values.replicas }}\n  replicas: 2\n  {{ end }}\n"),
        ("cart.yaml", "cart:1.2", "${IMAGE}"),
        ("cart.yaml", "cart:1.2", "cart:1.3 # meshlint: ignore[all]"),
        ("cart.yaml", "cart:1.2", "cart:1.3\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: cart}\n"),
        ("shop.yaml", "apiVersion", "# A comment.\napiVersion"),
        ("till.yaml", "kind: Secret", "kind: SealedSecret"),
        ("values.yaml", "tag: 1.2", "apiVersion: v1\nkind: Pod\nmetadata: {name: cart}"),
    ],
)
def test_what_something_looks_at_is_looked_at_again(file, old, new, here, lints, capsys):
    told(capsys)
    edit(here / file, old, new)

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


def test_another_encoding_is_looked_at_again(here, lints, capsys):
    """
    Comments to us are not searched for in it.
    """
    told(capsys)
    (here / "cart.yaml").write_text(CART + "# meshlint: ignore-file[purple]\n", encoding="utf-16")

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


def test_one_edit_after_the_other_may_change_nothing(here, lints, capsys):
    first = told(capsys)
    for number in range(3, 8):
        edit(here / "cart.yaml", f"cart:1.{number - 1}", f"cart:1.{number}")
        edit(here / "values.yaml", f"1.{number - 1}", f"1.{number}")
        assert first == told(capsys)
    edit(here / "cart.yaml", "cart:1.7", "cart:1.2")
    edit(here / "till.yaml", "one", "two")
    assert first == told(capsys)
    assert 1 == len(lints)
    edit(here / "shop.yaml", "Ambient", "ambient")
    assert 0 == told(capsys)[0]
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")
    assert 0 == told(capsys)[0]
    assert 2 == len(lints)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("copy.yaml", CART.replace("replicas: 2", "replicas: 1")),
        ("copy.yaml", CART.replace("  namespace: shop\n", "")),
        ("cart.yaml", CART + "---\n" + CART.replace("cart", "stock") + "    # meshlint: ignore[all]\n"),
        ("cart.yaml", CART + "---\n" + MISSPELT_MODE.replace("shop", "till")),
        ("cart.yaml", CART + "---\napiVersion: v1\nkind: [\n"),
        ("cart.yaml", CART + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\n"),
        ("cart.yaml", CART + "---\nname: &a cart\nother: *a\n"),
    ],
)
def test_a_file_that_is_not_only_itself_is_looked_at_again(name, text, here, lints, capsys):
    """
    Something is found in it, or not read, it speaks to us, or there is another of its objects.
    """
    (here / name).write_text(text)
    told(capsys)
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


KUSTOMIZATION = "resources: [cart.yaml]\n"
PATCH = "patches: [{path: patch.yaml}]\n"


@pytest.mark.parametrize("options", [[], ["--no-render"]])
@pytest.mark.parametrize(
    ("more", "file", "again"),
    [
        ("", "cart.yaml", 0),
        ("", "values.yaml", 1),
        (PATCH, "cart.yaml", 1),
        (PATCH, "patch.yaml", 1),
        ("namePrefix: my-\n", "cart.yaml", 1),
        ("namePrefix: my-\n", "till.yaml", 0),
    ],
)
def test_what_a_kustomization_changes_is_looked_at_again(more, file, again, options, here, lints, capsys):
    (here / "kustomization.yaml").write_text(KUSTOMIZATION + more)
    if more == PATCH:
        (here / "patch.yaml").write_text(CART.replace("replicas: 2", "paused: true"))
    told(capsys, *options)
    text = (here / file).read_text()
    (here / file).write_text(text + "# A comment.\n")

    assert told(capsys, *options) == told(capsys, *options, "--no-cache")
    assert 2 + again == len(lints)


def test_what_flux_puts_into_others_is_looked_at_again(here, lints, capsys):
    (here / "till.yaml").write_text(CONFIG)
    told(capsys)
    edit(here / "till.yaml", "one", "two")
    told(capsys)
    assert 1 == len(lints)
    (here / "flux.yaml").write_text(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: all}\n"
    )
    told(capsys)
    edit(here / "till.yaml", "two", "three")
    told(capsys)
    assert 3 == len(lints)


def test_the_context_is_looked_at_again(here, lints, capsys):
    (here / "there").mkdir()
    (here / "cart.yaml").rename(here / "there" / "cart.yaml")
    told(capsys, "--context", "there")
    edit(here / "there" / "cart.yaml", "cart:1.2", "cart:1.3")
    told(capsys, "--context", "there")

    assert 2 == len(lints)


def test_what_the_context_looks_up_is_looked_at_again(here, lints, capsys):
    """
    A kustomization of the context reads a patch that is no manifest, and is given.
    """
    if building_program() is None:
        pytest.skip("neither kustomize nor kubectl is here")
    (here / ".git").mkdir()
    (here / "kustomization.yaml").write_text(
        "resources: [base/gateway.yaml]\npatches: [{path: apps/patch.yaml, target: {kind: Gateway}}]\n"
    )
    (here / "base").mkdir()
    (here / "base" / "gateway.yaml").write_text(WAYPOINT)
    (here / "apps").mkdir()
    patch = here / "apps" / "patch.yaml"
    patch.write_text("- {op: replace, path: /spec/gatewayClassName, value: istio-waypoint}\n")
    (here / "apps" / "service.yaml").write_text(WAYPOINT_USER)
    options = ["apps", "--context", "kustomization.yaml", "--context", "base"]
    assert 0 == told(capsys, *options)[0]
    edit(patch, "istio-waypoint", "istio")

    assert told(capsys, *options) == told(capsys, *options, "--no-cache")
    assert 1 == told(capsys, *options)[0]


@pytest.mark.parametrize("options", [[], ["--format", "sarif"], ["--statistics"]])
def test_where_the_version_is_told_is_a_place_too(options, here, lints, capsys):
    cni = CART.replace("registry.example/cart:1.2", "docker.io/istio/install-cni:1.24.0")
    (here / "cni.yaml").write_text(cni.replace("cart", "istio-cni"))
    first = told(capsys, *options)
    edit(here / "cni.yaml", "apiVersion", "# A comment.\napiVersion")

    assert first != told(capsys, *options) == told(capsys, *options, "--no-cache")
    assert 3 == len(lints)


def test_a_malformed_field_is_looked_at_as_it_is_written(here, lints, capsys):
    """
    A comment that may be a template of helm has nothing said about it.
    """
    odd = "      hostNetwork: [1, # {{ .Values.hostNetwork }}\n        2]\n      containers"
    (here / "cart.yaml").write_text(CART.replace("      containers", odd))
    assert "malformed-field" not in told(capsys)[1].out
    edit(here / "cart.yaml", " # {{ .Values.hostNetwork }}", "")

    assert "malformed-field" in told(capsys)[1].out


def test_what_is_made_has_a_name_as_well(here, lints, capsys):
    """
    The object that a kustomization makes has the name of one that is written, and differs.
    """
    if building_program() is None:
        pytest.skip("neither kustomize nor kubectl is here")
    (here / "meshlint.toml").write_text('[[set]]\nname = "one"\npaths = ["built", "plain"]\n')
    for name in ("built", "plain"):
        (here / name).mkdir()
    (here / "built" / "kustomization.yaml").write_text("namePrefix: my-\nresources: [cart.yaml]\n")
    odd = CART.replace("      containers", '      hostNetwork: "yes"\n      containers')
    (here / "built" / "cart.yaml").write_text(odd)
    (here / "plain" / "cart.yaml").write_text(CART.replace("name: cart", "name: my-cart"))
    told(capsys)
    edit(here / "plain" / "cart.yaml", "cart:1.2", "cart:1.3")

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


def test_what_is_kept_does_not_grow_without_end(here, lints, capsys, cache_directory, monkeypatch):
    monkeypatch.setattr(caches, "MOST_ENTRIES", 10)
    told(capsys)
    for number in range(3, 20):
        edit(here / "cart.yaml", f"cart:1.{number - 1}", f"cart:1.{number}")
        told(capsys)

    assert 1 == len(lints)
    assert len([*cache_directory.glob("entry-*")]) <= 10


def test_a_word_that_calls_for_more_checks_has_all_looked_at_again(here, lints, capsys, monkeypatch):
    monkeypatch.setattr("meshlint.checking.catalog.family_words", lambda: frozenset(("purple",)))
    told(capsys)
    edit(here / "cart.yaml", "cart:1.2", "purple:1.2")
    told(capsys)

    assert 2 == len(lints)


def test_checks_of_others_may_look_at_anything(here, lints, capsys, monkeypatch, tmp_path_factory):
    plugin = tmp_path_factory.mktemp("plugin")
    (plugin / "their_checks").mkdir()
    (plugin / "their_checks" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(plugin)
    monkeypatch.setattr(
        "meshlint.checking.plugins.plugin_packages", lambda: ["meshlint_checks", "their_checks"]
    )
    told(capsys)
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")
    told(capsys)

    assert 2 == len(lints)


@pytest.mark.parametrize("limit", [("LEAST_KEPT", 10_000), ("MOST_KEPT", 100), ("_MOST_EDITED", 100)])
def test_what_is_small_or_large_is_looked_at_again(limit, here, lints, capsys, monkeypatch):
    monkeypatch.setattr(resemblance, *limit)
    told(capsys)
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")
    told(capsys)

    assert 2 == len(lints)


def entries(directory: Path, word: bytes) -> list[Path]:
    return [path for path in directory.glob("entry-*") if word in path.read_bytes()]


@pytest.mark.parametrize(
    ("word", "spoil"),
    [
        (b"kind: Deployment", lambda raw: raw.replace(b"replicas: 2", b"replicas: 3")),
        (b"kind: Deployment", lambda raw: raw[:-200]),
        (b"kind: Deployment", None),
        (b'"code"', None),
        (b'"words"', None),
        (b'"words"', lambda raw: raw[:-1]),
    ],
)
def test_what_was_kept_and_is_broken_or_gone_is_made_again(word, spoil, here, lints, capsys, cache_directory):
    told(capsys)
    for path in entries(cache_directory, word):
        if spoil is None:
            path.unlink()
        else:
            path.write_bytes(spoil(path.read_bytes()))
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


def spoil(cache_directory, **parts):
    """Write the entry of the last run anew, with other parts."""
    [path] = entries(cache_directory, b'"words"')
    body = json.dumps({**json.loads(path.read_bytes()[64:]), **parts}).encode()
    path.write_bytes(caches.digest(body).encode() + body)


@pytest.mark.parametrize(
    "parts",
    [
        *({"key": 5}, {"key": "a" * 64}, {"words": None}, {"words": [5]}, {"free": {}}, {"free": [5]}),
        *(
            {"digests": []},
            {"digests": {"x": "d"}},
            {"digests": {"x": 5}},
            {"kept": []},
            {"kept": {"x": "y"}},
        ),
    ],
)
def test_a_hostile_entry_is_made_again(parts, here, lints, capsys, cache_directory):
    told(capsys)
    spoil(cache_directory, **parts)
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


@pytest.mark.parametrize(
    "place", [(0, -1), (-1, 5), (1 << 80, 5), (0, 1 << 80), ("0", 5), (0,), (None, None), (0, 5), (10_000, 5)]
)
def test_a_file_that_is_said_to_be_nowhere_is_looked_at_again(place, here, lints, capsys, cache_directory):
    told(capsys)
    [path] = entries(cache_directory, b"kind: Deployment")
    name = path.name.rpartition("-")[2]
    spoil(cache_directory, kept={str(here / "cart.yaml"): [name, *place]})
    edit(here / "cart.yaml", "cart:1.2", "cart:1.3")

    assert told(capsys) == told(capsys, "--no-cache")
    assert 3 == len(lints)


POD, TILL = ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}} for name in ("cart", "till"))


def listing(items) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1).encode() + b"\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CART.encode(), b"\xff" + CART.encode()),
        (CART.encode(), CART.replace("replicas: 2", "replicas: &a 2\n  other: *a").encode()),
        (CART.encode(), CART.replace("replicas: 2", f"replicas: {'[' * 90_000}{']' * 90_000}").encode()),
        (b"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}]", b"apiVersion: v1\nkind: Pod\n"),
        (
            b"apiVersion: v1\nkind: Pod\nspec: {hostNetwork: false}",
            b"apiVersion: v1\nkind: Pod\nspec: {hostNetwork: true}",
        ),
        (b"apiVersion: v1\nkind: Secret", b"apiVersion: v1\nkind: ConfigMap"),
        (CART.encode(), CART.replace("registry.example/cart:1.2", '"\\x24{IMAGE}"').encode()),
        (
            CART.encode(),
            CART.replace("      containers", "      hostNetwork: [1]\n      containers").encode(),
        ),
        (listing([POD]) + b"---\n" + listing([None, TILL]), listing([POD, TILL])),
        (listing([POD]) + b"---\n" + listing([TILL]), listing([POD, TILL])),
    ],
)
def test_what_may_be_read_otherwise_is_not_the_same(before, after):
    assert is_same(before, before)
    assert not is_same(before, after)


MANIFESTS = [
    *sorted(path.parent for path in (ROOT / "checks" / "meshlint_checks").glob("*/__init__.py")),
    *sorted(path for path in (ROOT / "tests" / "corpus").iterdir() if path.name != "README.md"),
]
# Where nothing can be edited so, or there are variables in what can.
NEVER_THE_SAME = frozenset(
    ("egress", "helm-rendered", "installation", "istio-install-argocd", "sidecar-only")
)
VALUES = (None, True, 3, 2.5, "", "x", "istio.io", "2026-01-01", [], ["x"], {}, {"x": "y"}, [{"name": "x"}])


def ways(data, way=()):
    """The way to each value of some plain data."""
    yield way
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from ways(value, (*way, key))
        else:
            yield (*way, key)


def changed(data, way, value):
    step, *further = way
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[step] = changed(data[step], further, value) if further else value
    return copy


def found(path, documents, catalog):
    """What is found in documents that are written a line each, without columns."""
    path.write_text("".join(f"---\n{json.dumps(document)}\n" for document in documents))
    report = render(lint(Options(paths=[str(path)]), catalog), "json")
    return [line for line in report.splitlines() if "column" not in line]


@pytest.mark.slow
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_whatever_is_changed_and_is_the_same_is_found_the_same(path, tmp_path):
    """
    Where another value is said to make no difference, the same is found on the same lines.

    Values anywhere are replaced by others, most of them of other types.
    """
    chance = random.Random(path.name)
    catalog = load_catalog()
    written = tmp_path / "all.yaml"
    same = 0
    for file in [path] if path.is_file() else sorted(path.rglob("*.yaml")):
        documents = [manifest.data for manifest in read_text("", file.read_bytes()).manifests]
        if not documents:
            continue
        first = found(written, documents, catalog)
        before = written.read_bytes()
        for number, data in enumerate(documents):
            everywhere = [way for way in ways(data) if way]
            for way in chance.sample(everywhere, min(len(everywhere), 60)):
                other = changed(data, way, chance.choice(VALUES))
                # Numbers and truth values are equal to Python.
                if json.dumps(seen(other)) == json.dumps(seen(data)):
                    others = [*documents[:number], other, *documents[number + 1 :]]
                    assert first == found(written, others, catalog), way
                    same += is_same(before, written.read_bytes())
    assert same or path.name in NEVER_THE_SAME
