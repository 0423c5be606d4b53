"""The ambient pods that a policy without targets is for."""

from meshlint.mesh.derived import Cause
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.workload import Workload
from meshlint.named import NamedTuple


class AmbientScope(NamedTuple):
    """
    The ambient pods that a policy without targets is for, whatever ztunnel makes of it.

    `workloads` are those of the set, `namespaces` the ambient ones of whose pods the set has none: a
    policy without a selector is for them all the same. `because` shows what makes the first of them ambient.
    """

    workloads: tuple[Workload, ...]
    namespaces: tuple[Namespace, ...]
    because: tuple[Cause, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there are no such pods, as far as the set tells."""
        return not self.workloads and not self.namespaces


NO_AMBIENT_PODS = AmbientScope((), (), ())
