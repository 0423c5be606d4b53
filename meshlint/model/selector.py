"""Label selectors."""

from collections.abc import Mapping

from meshlint.model.fields import Fields
from meshlint.named import NamedTuple


class Requirement(NamedTuple):
    """One entry of `matchExpressions`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """
        Whether labels meet the requirement; an operator that does not exist matches nothing.

        `NotIn` is met by objects without the key
        (apimachinery `pkg/labels/selector.go`, Requirement.Matches).
        """
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return self.key not in labels or labels[self.key] not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case _:
                return False


class LabelSelector(NamedTuple):
    """A Kubernetes label selector: all of its terms must hold, an empty one matches everything."""

    match_labels: Mapping[str, str]
    match_expressions: tuple[Requirement, ...] = ()

    @classmethod
    def read(cls, fields: Fields) -> "LabelSelector":
        """Read `matchLabels` and `matchExpressions`."""
        return cls(
            fields.text_map("matchLabels"),
            tuple(
                Requirement(entry.text("key"), entry.text("operator"), entry.texts("values"))
                for entry in fields.each("matchExpressions")
            ),
        )

    @property
    def is_empty(self) -> bool:
        """Whether it has no term, and so matches everything."""
        return not self.match_labels and not self.match_expressions

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet all terms."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )
