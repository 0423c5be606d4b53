"""Patterns of files: what is said without the library is what the library says."""

import pathspec
import pytest

from meshlint.source.patterns import Patterns

LINES = (
    *(
        "build/",
        "/build",
        "*.log",
        "*.py[cod]",
        "!keep.log",
        "a/**/z",
        "**/cache",
        "cache/**",
        "sp ace",
        "end\\ ",
    ),
    *(
        "*",
        "**",
        "/*",
        "?",
        "[ab].yaml",
        "[!a].yaml",
        "[]x].yaml",
        "x[",
        "trail ",
        "  lead",
        "\\!bang",
        "#",
        "\\#x",
    ),
    *("!/", "doc/*.txt", "foo/*", "foo//bar", "UPPER", "ü*.yaml", "a.b", "values-?.yaml", "*$py.class"),
)
PATHS = (
    *(
        "build/x.yaml",
        "a/build/x.yaml",
        "build",
        "x.log",
        "keep.log",
        "m.pyc",
        "m.py",
        "a/b/z",
        "a/z",
        "cache/x",
    ),
    *(
        "b/cache",
        "sp ace",
        "end ",
        "a.yaml",
        "b.yaml",
        "c.yaml",
        "].yaml",
        "x.yaml",
        "x[",
        "trail",
        "lead",
        "!bang",
    ),
    *(
        "  lead",
        "#x",
        "doc/a.txt",
        "doc/b/a.txt",
        "foo/bar",
        "foo/bar/x",
        "upper",
        "UPPER",
        "ü1.yaml",
        "aXb",
        "a.b",
    ),
    *("values-1.yaml", "values-10.yaml", "C$py.class", "x", ""),
)


@pytest.mark.parametrize("line", LINES)
def test_a_pattern_says_what_the_library_says(line):
    whole = pathspec.GitIgnoreSpec.from_lines([line])

    assert {path: Patterns([line]).verdict(path) for path in PATHS} == {
        path: whole.check_file(path).include for path in PATHS
    }


def test_patterns_together_say_what_the_library_says():
    lines = [line for line in LINES if line not in {"*", "**", "/*"}]
    whole = pathspec.GitIgnoreSpec.from_lines(lines)

    assert [Patterns(lines).verdict(path) for path in PATHS] == [
        whole.check_file(path).include for path in PATHS
    ]


def test_paths_that_no_pattern_can_mean_do_without_the_library(monkeypatch):
    monkeypatch.setattr(
        "meshlint.source.patterns._compiled", lambda _: pytest.fail("the library was asked for nothing")
    )

    assert Patterns(["build/", "*.py[cod]", "# x", "", "!node_modules"]).verdict("shop/cart.yaml") is None
