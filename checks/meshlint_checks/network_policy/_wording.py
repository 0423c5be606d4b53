"""How the ports of NetworkPolicies are named."""

from meshlint import PolicyPort, PolicyRule


def tcp_ports(rule: PolicyRule) -> str:
    """The TCP ports of a rule: `ports 80 and 8000-8010`."""
    ports = [_port(entry) for entry in rule.ports if entry.protocol == "TCP"]
    *others, last = ports
    return f"ports {', '.join(others)} and {last}" if others else f"port {last}"


def _port(entry: PolicyPort) -> str:
    if isinstance(entry.port, int):
        return str(entry.port) if entry.end is None else f"{entry.port}-{entry.end}"
    return repr(entry.port)
