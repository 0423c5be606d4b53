"""Manifests to measure with: a mesh of any size, the same each time."""

import re
from pathlib import Path

_SHOP = Path(__file__).resolve().parent.parent / "examples" / "shop"
_SHOP_NAMESPACE = re.compile(r"\b(?:shop|checkout|reviews|analytics|warehouse|platform)\b")

_NAMESPACE = """apiVersion: v1
kind: Namespace
metadata:
  name: team-{n}
  labels:
    istio.io/dataplane-mode: ambient
    istio.io/use-waypoint: waypoint
    team: team-{n}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: waypoint
  namespace: team-{n}
  labels:
    istio.io/waypoint-for: service
spec:
  gatewayClassName: istio-waypoint
  listeners:
    - name: mesh
      port: 15008
      protocol: HBONE
"""
_APPLICATION = """apiVersion: v1
kind: Service
metadata:
  name: app-{a}
  namespace: team-{n}
  labels:
    app: app-{a}
spec:
  selector:
    app: app-{a}
  ports:
    - name: http
      port: 80
      targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{a}
  namespace: team-{n}
  labels:
    app: app-{a}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-{a}
  template:
    metadata:
      labels:
        app: app-{a}
        version: v1
    spec:
      serviceAccountName: app-{a}
      containers:
        - name: app
          image: registry.example/app-{a}:1.{n}.{a}
          env:
            - name: LOG_LEVEL
              value: info
          ports:
            - containerPort: 8080
          readinessProbe:
            httpGet:
              path: /healthz
              port: 8080
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: app-{a}
  namespace: team-{n}
spec:
  targetRefs:
    - kind: Service
      group: ""
      name: app-{a}
  action: ALLOW
  rules:
    - from:
        - source:
            principals: ["cluster.local/ns/team-{n}/sa/app-{a}"]
      to:
        - operation:
            methods: [GET]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: app-{a}
  namespace: team-{n}
spec:
  parentRefs:
    - group: ""
      kind: Service
      name: app-{a}
      port: 80
  rules:
    - backendRefs:
        - name: app-{a}
          port: 80
"""
_PLAIN = """apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-{n}
data:
  mode: production
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate-{n}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: registry.example/migrate:{n}
"""
DOCUMENTS_PER_APPLICATION = 4
DOCUMENTS_PER_NAMESPACE = 2
APPLICATIONS_PER_NAMESPACE = 7
_DOCUMENTS = DOCUMENTS_PER_NAMESPACE + APPLICATIONS_PER_NAMESPACE * DOCUMENTS_PER_APPLICATION


def write_mesh(directory: Path, documents: int) -> int:
    """Write a healthy ambient mesh of about so many documents, a file each application; the true number."""
    written = 0
    for n in range(documents // _DOCUMENTS):
        home = directory / f"team-{n}"
        home.mkdir(parents=True)
        (home / "namespace.yaml").write_text(_NAMESPACE.format(n=n), encoding="utf-8")
        for a in range(APPLICATIONS_PER_NAMESPACE):
            (home / f"app-{a}.yaml").write_text(_APPLICATION.format(n=n, a=a), encoding="utf-8")
        written += _DOCUMENTS
    return written


def write_shops(directory: Path, copies: int) -> int:
    """Write copies of `examples/shop`, faults included, each in namespaces of its own; how many documents."""
    directory.mkdir(parents=True)
    written = 0
    for path in sorted(_SHOP.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        for n in range(copies):
            own = _SHOP_NAMESPACE.sub(rf"\g<0>{n}", text)
            (directory / f"{path.stem}-{n}.yaml").write_text(own, encoding="utf-8")
            written += 1 + own.count("\n---")
    return written


def write_plain(directory: Path, files: int) -> None:
    """Write manifests that have nothing to do with a mesh."""
    directory.mkdir(parents=True)
    for n in range(files):
        (directory / f"plain-{n}.yaml").write_text(_PLAIN.format(n=n), encoding="utf-8")
