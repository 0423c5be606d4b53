"""
Measure whole commands against plain references, as ratios in one run.

`python benchmarks/run.py` measures everything and writes `docs/performance.md`;
`--smoke` runs each case once on small inputs and only says whether it worked.
"""

import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from generator import write_cluster, write_mesh, write_plain

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "performance.md"
BARE = [sys.executable, "-c", "pass"]
MESHLINT = [str(Path(sys.executable).with_name("meshlint"))]
COMPOSE = """
import glob, sys, yaml
nodes = []
for path in glob.glob(sys.argv[1] + "/**/*.yaml", recursive=True):
    with open(path, encoding="utf-8") as file:
        nodes.extend(yaml.compose_all(file.read(), Loader=yaml.CSafeLoader))
"""


@dataclass(frozen=True)
class Case:
    """A command, what it is compared with, and the ratio of processor time that is wanted at most."""

    name: str
    command: Sequence[str]
    reference: Sequence[str]
    reference_name: str
    at_most: float


@dataclass(frozen=True)
class Measured:
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
    runs = 1 if smoke else 15
    with tempfile.TemporaryDirectory() as temporary:
        cases = _cases(Path(temporary), documents=60 if smoke else 3000)
        results = [(case, _measure(case, runs)) for case in cases]
        growth = _growth(Path(temporary), [1, 2] if smoke else [1, 4, 16], 60 if smoke else 3000)
    tables = f"{_table(results)}\n\n{growth}"
    print(tables)
    if not smoke:
        REPORT.write_text(_report(tables, runs), encoding="utf-8")
    return 0


def _cases(directory: Path, documents: int) -> list[Case]:
    values, plain, mesh = directory / "values", directory / "plain", directory / "mesh"
    values.mkdir()
    (values / "values.yaml").write_text("replicas: 2\n", encoding="utf-8")
    write_plain(plain, files=10)
    written = write_mesh(mesh, documents)
    check = [*MESHLINT, "check"]
    compose = [sys.executable, "-c", COMPOSE, str(mesh)]
    bare = "`python -c pass`"
    return [
        Case("`meshlint --version`", [*MESHLINT, "--version"], BARE, bare, 3),
        Case("`check`, nothing of Kubernetes", [*check, str(values)], BARE, bare, 6),
        Case("`check`, no mesh objects (20 documents)", [*check, str(plain)], BARE, bare, 6),
        Case("`check examples/shop`", [*check, str(ROOT / "examples" / "shop")], BARE, bare, 15),
        Case(
            f"`check`, {written} documents",
            [*check, str(mesh)],
            compose,
            "composing them with PyYAML (C), nodes kept",
            1.5,
        ),
    ]


def _measure(case: Case, runs: int) -> Measured:
    """Run command and reference in turn, after one warm-up of each."""
    _run(case.command)
    _run(case.reference)
    pairs = [(_run(case.command), _run(case.reference)) for _ in range(runs)]
    return Measured(
        seconds=statistics.median(own[0] for own, _ in pairs),
        ratio=statistics.median(own[0] / reference[0] for own, reference in pairs),
        memory=statistics.median(own[1] for own, _ in pairs),
    )


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Processor seconds (user and system) and peak memory (MB) of one run."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        error = process.stderr.read().decode() if process.stderr else ""
        msg = f"{' '.join(command)} ended with {code}: {error}"
        raise RuntimeError(msg)
    if process.stderr:
        process.stderr.close()
    process.returncode = code
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _table(results: Sequence[tuple[Case, Measured]]) -> str:
    lines = [
        "| case | against | ratio | wanted | processor time | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for case, measured in results:
        verdict = "" if measured.ratio <= case.at_most else " (missed)"
        used = f"{measured.seconds * 1000:.0f} ms | {measured.memory:.0f} MB"
        wanted = f"at most {case.at_most:g}{verdict}"
        lines.append(f"| {case.name} | {case.reference_name} | {measured.ratio:.2f} | {wanted} | {used} |")
    return "\n".join(lines)


def _growth(directory: Path, factors: Sequence[int], documents: int) -> str:
    """All mesh facts of meshes of growing size, against the reading of the same documents."""
    lines = [
        "All facts of the mesh (what `describe` says), in one process; of 30 documents 5 are workloads, 5",
        "Services, 2 policies, 1 a route:",
        "",
        "| documents | reading | linking | all facts | facts / reading | facts / PyYAML composing | each |",
        "|---|---|---|---|---|---|---|",
    ]
    for factor in factors:
        home = directory / f"growth-{factor}"
        write_cluster(home, documents * factor)
        script = str(Path(__file__).with_name("facts.py"))
        done = subprocess.run([sys.executable, script, str(home)], capture_output=True, text=True, check=True)
        m = json.loads(done.stdout)
        lines.append(
            f"| {m['documents']:,} | {m['read']:.2f} s | {m['linked']:.2f} s | {m['facts']:.2f} s "
            f"| {m['facts'] / m['read']:.2f} | {m['facts'] / m['composed']:.2f} "
            f"| {m['facts'] / m['documents'] * 1e6:.0f} µs |"
        )
    return "\n".join(lines)


def _report(table: str, runs: int) -> str:
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    return f"""# Performance

Measured by `make bench`: medians of {runs} runs in turn with the reference, processor time of the
whole process. Machine: {machine}, shared and noisy;
CPython {platform.python_version()}, PyYAML {version("pyyaml")}. Trust the ratios.

{table}
"""


if __name__ == "__main__":
    sys.exit(main())
