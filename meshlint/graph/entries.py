"""Where to start in order to come to everything."""

from collections.abc import Iterable, Mapping


def entry_points(edges: Mapping[str, Iterable[str]]) -> list[frozenset[str]]:
    """
    The nodes to start from: groups of nodes that lead to each other, and that no other node leads to.

    `edges` has each node with those that it leads to. From the groups together every node is reached.
    """
    import networkx as nx  # 200 ms, so only for who asks

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(edges)
    graph.add_edges_from((node, other) for node, others in edges.items() for other in others)
    condensed = nx.condensation(graph)
    groups = [frozenset(condensed.nodes[group]["members"]) for group, led in condensed.in_degree() if not led]
    return sorted(groups, key=min)
