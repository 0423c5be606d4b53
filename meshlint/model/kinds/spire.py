"""SPIRE's kinds: which pods are given an identity by SPIRE."""

from typing import Final

from meshlint.model.fields import Fields
from meshlint.model.resource import Head, Resource
from meshlint.model.selector import LabelSelector


class ClusterSpiffeId(Resource):
    """
    A ClusterSPIFFEID: cluster-wide.

    A selector that is not written is empty, and so means every namespace or pod
    (spire-controller-manager `api/v1alpha1/clusterspiffeid_types.go`).
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.namespace_selector: Final = LabelSelector.read(spec.part("namespaceSelector"))
        self.pod_selector: Final = LabelSelector.read(spec.part("podSelector"))
