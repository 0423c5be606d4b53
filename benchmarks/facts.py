"""Time, in one process, reading a directory, every fact of its mesh, and every check; prints JSON."""

import gc
import json
import sys
import time
from pathlib import Path

import yaml

from meshlint.checking.catalog import load_catalog
from meshlint.checking.run import Checkable, run_checks
from meshlint.graph.build import build_graph
from meshlint.graph.scope import closed_scopes
from meshlint.mesh.description import describe
from meshlint.mesh.mesh import Mesh
from meshlint.model.decode import decode
from meshlint.model.version import NEWEST_KNOWN
from meshlint.source.input import read_input


def main() -> None:
    """Measure the directory that is named, and PyYAML on the same files."""
    texts = [path.read_text(encoding="utf-8") for path in Path(sys.argv[1]).rglob("*.yaml")]
    started = time.process_time()
    loaded = [one for text in texts for one in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    times = {"loaded": time.process_time() - started}
    del loaded, texts
    catalog = load_catalog()
    gc.disable()

    def note(name: str) -> None:
        nonlocal started
        now = time.process_time()
        times[name] = now - started
        started = now

    started = time.process_time()
    given = read_input([sys.argv[1]])
    note("read")
    [manifest_set] = given.sets
    resources = decode(manifest_set.manifests)
    graph = build_graph(resources, closed_scopes(resources, manifest_set.unread))
    note("linked")
    describe(manifest_set.name, Mesh(graph, NEWEST_KNOWN), resources)
    note("facts")
    checkable = Checkable(manifest_set.name, Mesh(graph, NEWEST_KNOWN), resources)
    findings = run_checks(catalog.checks, catalog.precedence, checkable)
    note("checks")
    print(json.dumps({"documents": len(resources), "findings": len(findings), **times}))


if __name__ == "__main__":
    main()
