"""Which objects select a pod, without asking every one of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from meshlint.model.resource import Resource
from meshlint.model.selector import LabelSelector

R = TypeVar("R", bound=Resource)


class SelectorIndex(Generic[R]):
    """
    Objects by the labels that their selectors ask for, namespace by namespace.

    Each stands under one of the labels that it asks for; one that asks for none is always looked at.
    """

    def __init__(self, resources: Iterable[R], selector: Callable[[R], LabelSelector]) -> None:
        self._selector = selector
        self._by_label: dict[tuple[str | None, tuple[str, str] | None], list[R]] = defaultdict(list)
        for resource in resources:
            asked = selector(resource).match_labels
            self._by_label[resource.namespace, min(asked.items(), default=None)].append(resource)

    def selecting(self, namespace: str | None, labels: Mapping[str, str]) -> Iterator[R]:
        """The objects of a namespace that select a pod with these labels."""
        for label in (None, *labels.items()):
            for resource in self._by_label.get((namespace, label), ()):
                if self._selector(resource).matches(labels):
                    yield resource
