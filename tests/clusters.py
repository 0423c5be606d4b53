"""A kubectl that plays a cluster back: what it was asked is recorded, what it answers is written before."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

_SCRIPT = """#!/bin/sh
here={here}
printf '%s\\n' "$*" >> "$here/calls"
for word; do
    case "$word" in
        --raw=*) asked=$(printf %s "$word" | tr / _); break ;;
        get|--*) ;;
        *) asked=$word; break ;;
    esac
done
case "$*" in *--no-headers*) asked=table ;; esac
[ -f "$here/$asked.slow" ] && sleep 30
[ -f "$here/$asked.err" ] && cat "$here/$asked.err" >&2
if [ -f "$here/$asked.out" ]; then cat "$here/$asked.out"; elif [ ! -f "$here/$asked.err" ]; then
    [ "$asked" = table ] || echo '{{"apiVersion": "v1", "kind": "List", "items": []}}'
fi
[ ! -f "$here/$asked.err" ]
"""


class FakeCluster:
    """What `kubectl` says of each resource, `plural` or `plural.group`; nothing of most."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        program = home / "kubectl"
        program.write_text(_SCRIPT.format(here=home))
        program.chmod(0o755)

    def holds(self, text: str) -> None:
        """Have it hold the objects of some YAML, as the API server would give them."""
        lists: dict[str, list[Any]] = {}
        for number, item in enumerate(filter(None, yaml.safe_load_all(dedent(text))), 1):
            lists.setdefault(resource(item), []).append(live(item, number))
        for name, items in lists.items():
            self.answers(name, listing(items))

    def answers(self, asked: str, data: Any) -> None:
        """Have it answer with some data."""
        (self.home / f"{asked}.out").write_text(json.dumps(data, indent=4))

    def says(self, asked: str, text: str) -> None:
        """Have it answer with some text."""
        (self.home / f"{asked}.out").write_text(text)

    def fails(self, asked: str, complaint: str) -> None:
        """Have it fail, and say why."""
        (self.home / f"{asked}.err").write_text(f"{complaint}\n")

    def forbids(self, asked: str) -> None:
        """Have it refuse, as the API server words it."""
        user = 'User "ann" cannot list resource "x" in API group "" at the cluster scope'
        self.fails(asked, f"Error from server (Forbidden): {asked} is forbidden: {user}")

    def is_slow(self, asked: str) -> None:
        """Have it take half a minute."""
        (self.home / f"{asked}.slow").touch()

    @property
    def calls(self) -> list[str]:
        """What it was asked."""
        path = self.home / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def path(self) -> str:
        """PATH with it at the front."""
        return os.pathsep.join((str(self.home), os.environ["PATH"]))


def live(item: dict[str, Any], number: int) -> dict[str, Any]:
    """An object with what the API server adds."""
    noise = {
        "uid": f"2f6f0a52-7d1c-4a52-8f0e-{number:012}",
        "resourceVersion": str(1000 + number),
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:labels": {}}}}],
    }
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps(item),
        **item["metadata"].get("annotations", {}),
    }
    return {**item, "metadata": {**item["metadata"], **noise, "annotations": annotations}}


def listing(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The list that kubectl makes."""
    return {"apiVersion": "v1", "items": list(items), "kind": "List", "metadata": {"resourceVersion": ""}}


def resource(item: dict[str, Any]) -> str:
    """The name by which kubectl is asked for the kind of an object."""
    group, kind = item["apiVersion"].rpartition("/")[0], item["kind"].lower()
    plural = kind[:-1] + "ies" if kind[-1] == "y" and kind != "gateway" else kind + "s"
    plural = kind + "es" if kind.endswith("ss") else plural
    return f"{plural}.{group}" if group else plural
