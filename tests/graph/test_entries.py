"""Where to start in order to come to everything."""

import pytest

from meshlint.graph.entries import entry_points


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({}, []),
        ({"a": ["b"], "b": []}, [{"a"}]),
        ({"a": ["a"]}, [{"a"}]),
        ({"a": ["b"], "b": ["a", "c"], "c": []}, [{"a", "b"}]),
        ({"a": ["c"], "b": ["c"], "c": ["c"]}, [{"a"}, {"b"}]),
        ({"b": ["a"], "a": ["b"], "c": ["a"]}, [{"c"}]),
        ({"a": ["missing"]}, [{"a"}]),
    ],
)
def test_a_cycle_is_one_beginning_unless_something_leads_into_it(edges, expected):
    """
    From what is returned all nodes are reached, and nothing else leads to it.
    """
    assert expected == entry_points(edges)
