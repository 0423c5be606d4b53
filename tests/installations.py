"""Short ways to installations of Istio for tests, in each of their forms."""


def istiod(
    name: str = "istiod",
    image: str = "docker.io/istio/pilot:1.30.2",
    namespace: str = "istio-system",
    **env: str,
) -> str:
    """A Deployment of istiod with environment variables."""
    listed = ", ".join(f"{{name: {key}, value: {value!r}}}" for key, value in env.items())
    return (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace},"
        " labels: {app: istiod}}\nspec:\n  template:\n    metadata: {labels: {app: istiod}}\n"
        f"    spec: {{containers: [{{name: discovery, image: '{image}', env: [{listed}]}}]}}\n"
    )


def cni(**data: str) -> str:
    """The ConfigMap of istio-cni."""
    listed = ", ".join(f"{key}: {value!r}" for key, value in data.items())
    head = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-cni-config, namespace: istio-system}\n"
    )
    return f"{head}data: {{{listed}}}\n"


def release(chart: str, values: str = "{}", version: str = "1.31.0") -> str:
    """A HelmRelease of one of Istio's charts."""
    return (
        "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        f"metadata: {{name: {chart}, namespace: flux-system}}\n"
        f"spec: {{chart: {{spec: {{chart: {chart}, version: '{version}'}}}}, values: {values}}}\n"
    )


def custom(kind: str, spec: str) -> str:
    """An object of the Sail operator, or an IstioOperator."""
    group = "install.istio.io/v1alpha1" if kind == "IstioOperator" else "sailoperator.io/v1"
    return f"---\napiVersion: {group}\nkind: {kind}\nmetadata: {{name: default}}\nspec: {spec}\n"


def labelled(kind: str, name: str, **labels: str) -> str:
    """A webhook configuration or a Service with labels of Istio."""
    api = "v1" if kind == "Service" else "admissionregistration.k8s.io/v1"
    where = ", namespace: istio-system" if kind == "Service" else ""
    listed = ", ".join(f"istio.io/{key}: {value}" for key, value in labels.items())
    return f"---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{where}, labels: {{{listed}}}}}\n"


def application(helm: str, chart: str = "istiod", repository: str = "https://example.com/istio") -> str:
    """An Argo CD Application of one of Istio's charts."""
    return (
        "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        "metadata: {name: mesh, namespace: argocd}\n"
        f"spec: {{source: {{chart: {chart}, repoURL: '{repository}', helm: {helm}}}}}\n"
    )
