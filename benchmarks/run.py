"""
Measure whole commands against plain references, as ratios in one run.

`python benchmarks/run.py` measures everything and writes `docs/performance.md`;
`--smoke` runs each case once on small inputs and only says whether it worked.
"""

import compileall
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from cluster import write_dump
from generator import write_mesh, write_plain, write_shops
from peers import Peer, found_peers

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "performance.md"
BARE = [sys.executable, "-c", "pass"]
MESHLINT = [str(Path(sys.executable).with_name("meshlint"))]
CHECK = [*MESHLINT, "check"]
ALONE = [*CHECK, "--jobs", "1"]
LOAD = """
import glob, sys, yaml
documents = []
for path in glob.glob(sys.argv[1] + "/**/*.yaml", recursive=True):
    with open(path, encoding="utf-8") as file:
        documents.extend(yaml.load_all(file.read(), Loader=yaml.CSafeLoader))
"""


_WANTED_OF_TWO = 1.6
_GROWTH_HEAD = (
    *("input", "documents", "findings", "PyYAML", "reading", "linking", "facts", "checks"),
    *("the last three / reading", "/ PyYAML", "each document"),
)
_GROWTH_SAID = (
    "In one process: reading, linking, all facts of the mesh (what `describe` says), and all checks.",
    "The last three were wanted to take at most 0.5 of the reading. They take nearly twice as long as",
    "our own, and about a tenth of what PyYAML takes to read a cluster, as our own reading does.",
)
_PEERS_SAID = """Seconds on the clock: to start, for the mesh of {mesh:,} small documents in many files,
and for the cluster of {cluster:,} objects. They look for different things, and none for what meshlint
looks for."""


class Sizes(NamedTuple):
    """How much is measured: objects of a small and of a large cluster, factors of growth, runs."""

    small: int
    large: int
    growth: Sequence[int]
    shops: int
    runs: int


WHOLE = Sizes(small=3000, large=50_000, growth=(1, 4, 16), shops=25, runs=15)
SMOKE = Sizes(small=60, large=120, growth=(1, 2), shops=1, runs=1)


@dataclass(frozen=True)
class Case:
    """
    A command, what it is compared with, and the ratio that is wanted at most.

    `prepare` and `prepare_reference` are done before each run of the one and the other, and not measured.
    """

    name: str
    command: Sequence[str]
    reference: Sequence[str]
    reference_name: str
    at_most: float
    prepare: Callable[[], object] = field(default=lambda: None)
    prepare_reference: Callable[[], object] = field(default=lambda: None)


class Run(NamedTuple):
    """One run: seconds of processor time (user and system), seconds on the clock, peak memory in MB."""

    seconds: float
    clock: float
    memory: float


class Measured(NamedTuple):
    """Medians over the runs: seconds of processor time, the ratio pair by pair, peak memory in MB."""

    seconds: float
    ratio: float
    memory: float


def main() -> int:
    """Measure, print, and write the report."""
    # As installed: start-up without compiled bytecode is another thing.
    for package in ("meshlint", "checks"):
        compileall.compile_dir(ROOT / package, quiet=1)
    smoke = "--smoke" in sys.argv[1:]
    sizes = SMOKE if smoke else WHOLE
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        os.environ["MESHLINT_CACHE_DIR"] = str(home / "cache")
        written = _write(home, sizes)
        results = [(case, _measure(case, sizes.runs)) for case in _cases(home, written)]
        sections = [
            _table(results),
            _large(home, written, runs=min(sizes.runs, 3)),
            _growth(home, sizes),
            _peers(home, written, runs=min(sizes.runs, 3)),
        ]
    text = "\n\n".join(sections)
    print(text)
    if not smoke:
        REPORT.write_text(_report(text, sizes.runs), encoding="utf-8")
    return 0


class Written(NamedTuple):
    """How many documents the inputs hold."""

    mesh: int
    small: int
    large: int


def _write(home: Path, sizes: Sizes) -> Written:
    (home / "values").mkdir()
    (home / "values" / "values.yaml").write_text("replicas: 2\n", encoding="utf-8")
    write_plain(home / "plain", files=10)
    return Written(
        write_mesh(home / "mesh", sizes.small),
        write_dump(home / "small", sizes.small),
        write_dump(home / "large", sizes.large),
    )


def _cases(home: Path, written: Written) -> list[Case]:
    bare, loading = "`python -c pass`", "loading the same bytes with PyYAML's `CSafeLoader`"
    cluster = [*ALONE, str(home / "small")]
    changing, numbers = home / "small" / "team-1.yaml", itertools.count()

    def forget() -> None:
        shutil.rmtree(home / "cache", ignore_errors=True)

    def change(beginning: str) -> None:
        text = changing.read_text(encoding="utf-8")
        changing.write_text(re.sub(rf"({beginning})\S*", rf"\g<1>{next(numbers)}", text), encoding="utf-8")

    def load(directory: str) -> list[str]:
        return [sys.executable, "-c", LOAD, str(home / directory)]

    plain, shop = str(home / "plain"), str(ROOT / "examples" / "shop")
    small = f"a cluster of {written.small:,} objects"
    return [
        Case("`meshlint --version`", [*MESHLINT, "--version"], BARE, bare, 3),
        Case("`check`, nothing of Kubernetes", [*CHECK, str(home / "values")], BARE, bare, 5),
        Case("`check`, no mesh objects (20 documents)", [*CHECK, "--no-cache", plain], BARE, bare, 5),
        Case("the same, nothing changed", [*CHECK, plain], BARE, bare, 5),
        Case("`check examples/shop` (22 documents)", [*CHECK, "--no-cache", shop], BARE, bare, 10),
        Case("the same, nothing changed", [*CHECK, shop], BARE, bare, 10),
        Case(f"`check`, {small}", cluster, load("small"), loading, 0.5, prepare=forget),
        Case("the same, nothing changed", cluster, cluster, "the run before", 0.15, prepare_reference=forget),
        Case(
            "the same, one file changed: the tag of an image",
            cluster,
            cluster,
            "the first run",
            0.25,
            prepare=lambda: change("image: registry.example/team-1/app-0:"),
            prepare_reference=forget,
        ),
        Case(
            "the same, one file changed: a label",
            cluster,
            cluster,
            "the first run",
            0.25,
            prepare=lambda: change("app.kubernetes.io/part-of: team-"),
            prepare_reference=forget,
        ),
        Case(
            f"`check`, a mesh of {written.mesh:,} small documents",
            [*ALONE, str(home / "mesh")],
            load("mesh"),
            loading,
            0.5,
            prepare=forget,
        ),
    ]


def _measure(case: Case, runs: int) -> Measured:
    """Run reference and command in turn, after one warm-up of each."""
    pairs: list[tuple[Run, Run]] = []
    for _ in range(runs + 1):
        case.prepare_reference()
        reference = run(case.reference)
        case.prepare()
        pairs.append((run(case.command), reference))
    pairs = pairs[1:]
    return Measured(
        seconds=statistics.median(own.seconds for own, _ in pairs),
        ratio=statistics.median(own.seconds / reference.seconds for own, reference in pairs),
        memory=statistics.median(own.memory for own, _ in pairs),
    )


def run(command: Sequence[str], codes: Sequence[int] = (0, 1)) -> Run:
    """Run a command to its end. Raises RuntimeError if it ends with another exit code."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            said.seek(0)
            msg = f"{' '.join(command)} ended with {process.returncode}: {said.read().decode()}"
            raise RuntimeError(msg)
    return Run(usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss / 1024)


def _table(results: Sequence[tuple[Case, Measured]]) -> str:
    lines = [
        "## Whole commands",
        "",
        "Ratios of processor time, by one process; the cache is empty unless something else is said.",
        "",
        "| case | against | ratio | wanted | processor time | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for case, measured in results:
        used = f"{measured.seconds * 1000:.0f} ms | {measured.memory:.0f} MB"
        wanted = f"at most {case.at_most:g}{_verdict(measured.ratio, case.at_most)}"
        lines.append(f"| {case.name} | {case.reference_name} | {measured.ratio:.2f} | {wanted} | {used} |")
    return "\n".join(lines)


def _verdict(ratio: float, at_most: float) -> str:
    return "" if ratio <= at_most else " (missed)"


def _large(home: Path, written: Written, runs: int) -> str:
    """A large cluster: against a small one, and with one process and two."""
    size = sum(path.stat().st_size for path in (home / "large").iterdir()) / 1e6
    rows = []
    for _ in range(runs):
        small, alone = (run([*ALONE, "--no-cache", str(home / name)]) for name in ("small", "large"))
        two = run([*CHECK, "--no-cache", "--jobs", "2", str(home / "large")])
        rows.append((small, alone, two))
    times = written.large / written.small
    linear = statistics.median(alone.seconds / small.seconds / times for small, alone, _ in rows)
    faster = statistics.median(alone.clock / two.clock for _, alone, two in rows)
    one = statistics.median(alone.clock for _, alone, _ in rows)
    both = statistics.median(two.clock for _, _, two in rows)
    memory = max(run.memory for _, *large in rows for run in large)
    wanted = f"at least {_WANTED_OF_TWO:g} times{_verdict(-faster, -_WANTED_OF_TWO)}"
    more = f"{times:.1f} times as many objects as the cluster above"
    return f"""## A large cluster

{written.large:,} objects, {size:.0f} MB of YAML: {more}; without a cache.

| | measured | wanted |
|---|---|---|
| processor time for each object, against above | {linear:.2f} | at most 1.2{_verdict(linear, 1.2)} |
| on the clock, one process | {one:.1f} s | |
| on the clock, two processes | {both:.1f} s: {faster:.2f} times as fast | {wanted} |
| peak memory of a process | {memory:.0f} MB | at most 1536 MB{_verdict(memory, 1536)} |"""


def _growth(home: Path, sizes: Sizes) -> str:
    """All facts and all checks of inputs of growing size, against the reading of the same documents."""
    lines = [
        "## Growth",
        "",
        *_GROWTH_SAID,
        "",
        f"| {' | '.join(_GROWTH_HEAD)} |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, write, size in (
        ("a cluster", write_dump, sizes.small),
        ("copies of `examples/shop`", write_shops, sizes.shops),
    ):
        for factor in sizes.growth:
            place = home / f"growth-{write.__name__}-{factor}"
            write(place, size * factor)
            script = str(Path(__file__).with_name("facts.py"))
            done = subprocess.run(
                [sys.executable, script, str(place)], capture_output=True, text=True, check=True
            )
            m = json.loads(done.stdout)
            beyond = m["linked"] + m["facts"] + m["checks"]
            parts = " | ".join(f"{m[part]:.2f} s" for part in ("loaded", "read", "linked", "facts", "checks"))
            lines.append(
                f"| {name} | {m['documents']:,} | {m['findings']:,} | {parts} | {beyond / m['read']:.2f} "
                f"| {beyond / m['loaded']:.2f} | {beyond / m['documents'] * 1e6:.0f} µs |"
            )
    return "\n".join(lines)


def _peers(home: Path, written: Written, runs: int) -> str:
    """What else one could run on the same files, on the clock."""
    own = Peer("meshlint", "", ("--version",), ("check", "--no-cache"), MESHLINT[0], "the mesh, as a graph")
    warm = Peer("meshlint, nothing changed", "", ("--version",), ("check",), MESHLINT[0], "the same")
    lines = [
        "## Beside other tools",
        "",
        _PEERS_SAID.format(mesh=written.mesh, cluster=written.small),
        "",
        "| tool | looks at | start | mesh | cluster |",
        "|---|---|---|---|---|",
    ]
    for peer in (own, warm, *found_peers()):
        if peer.program is None:
            lines.append(f"| {peer.name} | {peer.looks_at} | not measured: {peer.why} | | |")
            continue
        told = [[peer.program, *peer.starting]]
        told += [[peer.program, *peer.checking, str(home / name)] for name in ("mesh", "small")]
        for command in told if peer is warm else ():
            run(command)
        clocks = [statistics.median(run(it, range(256)).clock for _ in range(runs)) for it in told]
        seconds = " | ".join(f"{clock:.2f} s" for clock in clocks)
        lines.append(f"| {peer.name} {peer.version} | {peer.looks_at} | {seconds} |")
    return "\n".join(lines)


def _report(text: str, runs: int) -> str:
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    versions = f"CPython {platform.python_version()}, PyYAML {version('pyyaml')}"
    return f"""# Performance

Measured by `make bench`: medians of {runs} runs in turn with the reference, of 3 where a run takes seconds.
Machine: {machine}, shared and noisy; {versions}. Trust the ratios.

{text}
"""


if __name__ == "__main__":
    sys.exit(main())
