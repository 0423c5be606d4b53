"""What meshlint finds in what users tell it: suppressions that do not do what they are there for."""

from collections.abc import Iterable
from typing import Final

from meshlint.checking.catalog import Check, Page
from meshlint.checking.finding import Problem
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.model.version import VersionRange

FAMILY: Final = "meshlint"
"""The family of what no plugin declares."""

_HOW_TO_WRITE_ONE = """
A suppression names checks and says why, in one of three places:

```yaml
# meshlint: file-ignore[duplicate-resource] two clusters share this file
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  annotations:
    meshlint.dev/ignore: "mixed-dataplane-modes=we move until 2027-01-01; unused-waypoint=kept for tests"
  labels:
    istio.io/use-waypoint: shared # meshlint: ignore[dangling-waypoint] made by the platform
```

`file-ignore` stands at the top of the file and holds for all of it; `ignore` holds for its line, or below
comments for the next one; the annotation holds for what is found in its object, and survives rendering.

The brackets, and the words before `=`, take what `--ignore` takes: a check, a family, `impact:exposure`
or `all`. A reason with `until` and a day in it (`until 2027-01-01`) holds to the end of that day.
"""

_UNUSED = (
    """
A suppression suppresses nothing.

## What it does

Reports comments and annotations whose checks find nothing at the place that they hold for. Only
checks that ran are judged: with `--select` or `--ignore`, for a file that is named by itself, and where a
template or a patch was not rendered, nothing is said of suppressions that may be needed in a whole run. A
`file-ignore` that does not stand at the top of its file holds for nothing.

## Why it matters

What is not needed today hides tomorrow's fault: the line may come to be wrong in another way that the
same check finds.

## How to fix it

Take it out; `--fix` does.
"""
    + _HOW_TO_WRITE_ONE
)

_UNKNOWN = (
    """
A suppression names no check, or cannot be read.

## What it does

Reports words of suppressions that name no check, family or impact, with the nearest one that exists; ends
that are no day (`until 2027-02-30`); comments that begin as suppressions do and are none; and annotations
under `meshlint.dev/` that meshlint does not know.

## Why it matters

It suppresses nothing, and who reads it thinks that it does.

## How to fix it

Use the word that is meant. `--fix` takes out what names nothing.
"""
    + _HOW_TO_WRITE_ONE
)

_EXPIRED = """
A suppression has come to its end.

## What it does

Reports suppressions whose reason has an `until` with a day that is past. They no longer hold: what
they suppressed is shown again.

## Why it matters

Somebody wanted to be reminded.

## How to fix it

Mend what was put off, or give a new day and say why. `--fix` takes the suppression out.
"""

_WITHOUT_REASON = """
A suppression gives no reason.

## What it does

With `require-reason = true` in the settings, reports suppressions without a word of why. They do not hold:
what they would suppress is shown. An `until` alone is no reason.

## Why it matters

Nobody can tell later whether it may go.

## How to fix it

Write the reason behind the brackets, or behind the `=` of an annotation. `--fix` takes the suppression out.
"""


def _declared(name: str, page: str, severity: Severity) -> Check:
    return Check(
        id=name,
        family=FAMILY,
        page=Page.read(page),
        severity=severity,
        impact=Impact.HYGIENE,
        subjects=(),
        reads=(),
        istio=VersionRange("all"),
        since="0.1.0",
        module=__name__,
        run=_nothing,
    )


def _nothing() -> Iterable[Problem]:
    """What is found is found while findings are suppressed, not by calling the check."""
    return ()


UNUSED_SUPPRESSION = _declared("unused-suppression", _UNUSED, Severity.NOTE)
UNKNOWN_SUPPRESSION = _declared("unknown-suppression", _UNKNOWN, Severity.WARNING)
EXPIRED_SUPPRESSION = _declared("expired-suppression", _EXPIRED, Severity.NOTE)
SUPPRESSION_WITHOUT_REASON = _declared("suppression-without-reason", _WITHOUT_REASON, Severity.WARNING)

OWN_CHECKS = (UNUSED_SUPPRESSION, UNKNOWN_SUPPRESSION, EXPIRED_SUPPRESSION, SUPPRESSION_WITHOUT_REASON)
"""The checks of suppressions. They have no subjects: what they find comes of suppressing."""
