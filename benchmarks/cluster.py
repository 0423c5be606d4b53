"""A cluster as `kubectl get --output yaml` writes it: a mesh, among all else that a cluster holds."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

OBJECTS_PER_NAMESPACE = 30
_APPLICATIONS = 3

_META = """  creationTimestamp: "2026-03-04T08:14:2{a}Z"
  labels:
    app: app-{a}
    app.kubernetes.io/managed-by: Helm
    app.kubernetes.io/part-of: team-{n}
  name: {name}
  namespace: team-{n}
  resourceVersion: "{version}"
  uid: 6f1c2a90-0000-4b7e-9d1a-{version:012x}
"""
_CONTAINER = """- env:
  - name: LOG_LEVEL
    value: info
  - name: POD_NAME
    valueFrom:
      fieldRef:
        apiVersion: v1
        fieldPath: metadata.name
  - name: DATABASE_PASSWORD
    valueFrom:
      secretKeyRef:
        key: password
        name: app-{a}
  - name: JAVA_TOOL_OPTIONS
    value: -XX:MaxRAMPercentage=75 -Dserver.port=8080 -Dteam=team-{n}
  image: registry.example/team-{n}/app-{a}:1.{n}.{a}
  imagePullPolicy: IfNotPresent
  livenessProbe:
    failureThreshold: 3
    httpGet:
      path: /healthz
      port: 8080
      scheme: HTTP
    periodSeconds: 10
    successThreshold: 1
    timeoutSeconds: 1
  name: app
  ports:
  - containerPort: 8080
    name: http
    protocol: TCP
  readinessProbe:
    failureThreshold: 3
    httpGet:
      path: /readyz
      port: 8080
      scheme: HTTP
    periodSeconds: 10
    successThreshold: 1
    timeoutSeconds: 1
  resources:
    limits:
      memory: 256Mi
    requests:
      cpu: 100m
      memory: 128Mi
  securityContext:
    allowPrivilegeEscalation: false
    capabilities:
      drop:
      - ALL
    readOnlyRootFilesystem: true
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
  volumeMounts:
  - mountPath: /etc/app
    name: config
    readOnly: true
  - mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    name: kube-api-access
    readOnly: true
"""
_EXPORTER = (
    _CONTAINER.replace("name: app\n", "name: exporter\n")
    .replace("8080", "9090")
    .replace("name: http", "name: metrics")
)
_POD = f"""containers:
{_CONTAINER}{_EXPORTER}dnsPolicy: ClusterFirst
enableServiceLinks: true
initContainers:
- args:
  - migrate
  - --wait
  command:
  - /bin/app
  image: registry.example/team-{{n}}/app-{{a}}:1.{{n}}.{{a}}
  imagePullPolicy: IfNotPresent
  name: migrate
  resources: {{{{}}}}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
preemptionPolicy: PreemptLowerPriority
priority: 0
restartPolicy: Always
schedulerName: default-scheduler
securityContext:
  runAsNonRoot: true
serviceAccount: app-{{a}}
serviceAccountName: app-{{a}}
terminationGracePeriodSeconds: 30
volumes:
- configMap:
    defaultMode: 420
    name: app-{{a}}
  name: config
- name: kube-api-access
  projected:
    defaultMode: 420
    sources:
    - serviceAccountToken:
        expirationSeconds: 3607
        path: token
    - configMap:
        items:
        - key: ca.crt
          path: ca.crt
        name: kube-root-ca.crt
    - downwardAPI:
        items:
        - fieldRef:
            apiVersion: v1
            fieldPath: metadata.namespace
          path: namespace
"""
_TEMPLATE = f"""  selector:
    matchLabels:
      app: app-{{a}}
  template:
    metadata:
      labels:
        app: app-{{a}}
        version: v1
    spec:
{indent(_POD, "      ")}"""
_CONDITION = """  - lastTransitionTime: "2026-03-04T08:15:01Z"
    lastUpdateTime: "2026-03-04T08:15:01Z"
    message: {message}
    reason: {reason}
    status: "True"
    type: {type}
"""
_ROLLED_OUT = _CONDITION.format(
    message='ReplicaSet "app" has successfully progressed.',
    reason="NewReplicaSetAvailable",
    type="Progressing",
) + _CONDITION.format(
    message="Deployment has minimum availability.", reason="MinimumReplicasAvailable", type="Available"
)
_READY = "".join(
    f"""  - lastProbeTime: null
    lastTransitionTime: "2026-03-04T08:15:01Z"
    status: "True"
    type: {each}
"""
    for each in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
)

_NAMESPACE = """apiVersion: v1
kind: Namespace
metadata:
  creationTimestamp: "2026-03-04T08:13:20Z"
  labels:
    istio.io/dataplane-mode: ambient
    istio.io/use-waypoint: waypoint
    kubernetes.io/metadata.name: team-{n}
  name: team-{n}
  resourceVersion: "{version}"
  uid: 6f1c2a90-0000-4b7e-9d1a-{version:012x}
spec:
  finalizers:
  - kubernetes
status:
  phase: Active
"""
_GATEWAY = """apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  creationTimestamp: "2026-03-04T08:13:20Z"
  generation: 1
  labels:
    istio.io/waypoint-for: service
  name: waypoint
  namespace: team-{n}
  resourceVersion: "{version}"
  uid: 6f1c2a90-0000-4b7e-9d1a-{version:012x}
spec:
  gatewayClassName: istio-waypoint
  listeners:
  - allowedRoutes:
      namespaces:
        from: Same
    name: mesh
    port: 15008
    protocol: HBONE
status:
  addresses:
  - type: Hostname
    value: waypoint.team-{n}.svc.cluster.local
  conditions:
  - lastTransitionTime: "2026-03-04T08:15:01Z"
    message: Resource accepted
    observedGeneration: 1
    reason: Accepted
    status: "True"
    type: Accepted
  - lastTransitionTime: "2026-03-04T08:15:01Z"
    message: Resource programmed, assigned to service(s) waypoint.team-{n}.svc.cluster.local:15008
    observedGeneration: 1
    reason: Programmed
    status: "True"
    type: Programmed
"""
_SERVICE = f"""apiVersion: v1
kind: Service
metadata:
{_META}spec:
  clusterIP: 10.96.{{high}}.{{low}}
  clusterIPs:
  - 10.96.{{high}}.{{low}}
  internalTrafficPolicy: Cluster
  ipFamilies:
  - IPv4
  ipFamilyPolicy: SingleStack
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: 8080
  selector:
    app: app-{{a}}
  sessionAffinity: None
  type: ClusterIP
status:
  conditions:
  - lastTransitionTime: "2026-03-04T08:15:01Z"
    message: Successfully attached to waypoint team-{{n}}/waypoint
    reason: WaypointAccepted
    status: "True"
    type: istio.io/WaypointBound
  loadBalancer: {{{{}}}}
"""
_DEPLOYMENT = f"""apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    deployment.kubernetes.io/revision: "1"
    meta.helm.sh/release-name: app-{{a}}
    meta.helm.sh/release-namespace: team-{{n}}
  generation: 1
{_META}spec:
  progressDeadlineSeconds: 600
  replicas: 2
  revisionHistoryLimit: 10
  strategy:
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 25%
    type: RollingUpdate
{_TEMPLATE}status:
  availableReplicas: 2
  conditions:
{_ROLLED_OUT}  observedGeneration: 1
  readyReplicas: 2
  replicas: 2
  updatedReplicas: 2
"""
_OWNER = """  ownerReferences:
  - apiVersion: {version}
    blockOwnerDeletion: true
    controller: true
    kind: {kind}
    name: {name}
    uid: 6f1c2a90-0000-4b7e-9d1a-00000000000{{a}}
"""
_REPLICA_SET = f"""apiVersion: apps/v1
kind: ReplicaSet
metadata:
  generation: 1
{_OWNER.format(version="apps/v1", kind="Deployment", name="app-{a}")}{_META}spec:
  replicas: 2
{_TEMPLATE}status:
  availableReplicas: 2
  fullyLabeledReplicas: 2
  observedGeneration: 1
  readyReplicas: 2
  replicas: 2
"""
_POD_OBJECT = f"""apiVersion: v1
kind: Pod
metadata:
  annotations:
    ambient.istio.io/redirection: enabled
{_OWNER.format(version="apps/v1", kind="ReplicaSet", name="app-{a}-6d5f")}{_META}spec:
{indent(_POD, "  ")}  nodeName: node-{{low}}
  tolerations:
  - effect: NoExecute
    key: node.kubernetes.io/not-ready
    operator: Exists
    tolerationSeconds: 300
status:
  conditions:
{_READY}  containerStatuses:
  - containerID: containerd://8f4e2c0b{{version:056x}}
    image: registry.example/team-{{n}}/app-{{a}}:1.{{n}}.{{a}}
    imageID: registry.example/team-{{n}}/app-{{a}}@sha256:{{version:064x}}
    lastState: {{{{}}}}
    name: app
    ready: true
    restartCount: 0
    started: true
    state:
      running:
        startedAt: "2026-03-04T08:15:00Z"
  hostIP: 192.168.0.{{low}}
  phase: Running
  podIP: 10.244.{{high}}.{{low}}
  qosClass: Burstable
  startTime: "2026-03-04T08:14:50Z"
"""
_SLICE = f"""addressType: IPv4
apiVersion: discovery.k8s.io/v1
endpoints:
- addresses:
  - 10.244.{{high}}.{{low}}
  conditions:
    ready: true
    serving: true
    terminating: false
  nodeName: node-{{low}}
kind: EndpointSlice
metadata:
{_META}ports:
- name: http
  port: 8080
  protocol: TCP
"""
_POLICY = f"""apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
{_META}spec:
  action: ALLOW
  rules:
  - from:
    - source:
        principals:
        - cluster.local/ns/team-{{n}}/sa/app-{{a}}
    to:
    - operation:
        methods:
        - GET
  targetRefs:
  - group: ""
    kind: Service
    name: app-{{a}}
"""
_ROUTE = f"""apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
{_META}spec:
  parentRefs:
  - group: ""
    kind: Service
    name: app-{{a}}
    port: 80
  rules:
  - backendRefs:
    - name: app-{{a}}
      port: 80
"""
_FEATURES = "".join(f"feature-{i}:\n  enabled: true\n  rollout: {i}\n" for i in range(40))
_SETTINGS = f"""apiVersion: v1
data:
  application.yaml: |
{indent(_FEATURES, "    ")}kind: ConfigMap
metadata:
{_META}"""
_CERTIFICATE_LINE = f"MIIC{'abcdEFGH' * 7}\n"
_ROOT_CERTIFICATE = f"""apiVersion: v1
data:
  root-cert.pem: |
    -----BEGIN CERTIFICATE-----
{indent(_CERTIFICATE_LINE * 20, "    ")}    -----END CERTIFICATE-----
kind: ConfigMap
metadata:
{_META}"""
_SECRET = f"""apiVersion: v1
data:
  release: {"SDRzSUFBQUFBQUFDLytWWjZXL2lTQkQv" * 300}
kind: Secret
metadata:
{_META}type: helm.sh/release.v1
"""
_EACH_APPLICATION = (
    ("app-{a}", _SERVICE),
    ("app-{a}", _DEPLOYMENT),
    ("app-{a}-6d5f", _REPLICA_SET),
    ("app-{a}-6d5f-x2x9z", _POD_OBJECT),
    ("app-{a}-6d5f-q7w4k", _POD_OBJECT),
    ("app-{a}-8rk2d", _SLICE),
    ("app-{a}", _POLICY),
    ("app-{a}", _SETTINGS),
    ("sh.helm.release.v1.app-{a}.v1", _SECRET),
)
_EACH_NAMESPACE = (
    ("team-{n}", _NAMESPACE),
    ("waypoint", _GATEWAY),
    ("kube-root-ca.crt", _ROOT_CERTIFICATE),
)


def write_dump(directory: Path, objects: int) -> int:
    """
    Write what a cluster holds, a `List` each namespace, of about so many objects; the true number.

    Of 30 objects 6 are Pods, 3 each Deployments, ReplicaSets, Services, EndpointSlices, policies, ConfigMaps
    and Secrets (of releases of Helm); a Namespace, a waypoint and a certificate's ConfigMap make them whole.
    """
    directory.mkdir(parents=True)
    namespaces = objects // OBJECTS_PER_NAMESPACE
    for n in range(namespaces):
        items = "".join(f"- {indent(text, '  ')[2:]}" for text in _objects(n))
        text = f'apiVersion: v1\nitems:\n{items}kind: List\nmetadata:\n  resourceVersion: ""\n'
        (directory / f"team-{n}.yaml").write_text(text, encoding="utf-8")
    return namespaces * OBJECTS_PER_NAMESPACE


def _objects(n: int) -> Iterator[str]:
    places = [(name, template, 0) for name, template in _EACH_NAMESPACE]
    places += [(name, template, a) for a in range(_APPLICATIONS) for name, template in _EACH_APPLICATION]
    for index, (name, template, a) in enumerate(places):
        version = n * OBJECTS_PER_NAMESPACE + index + 1
        full = name.format(a=a, n=n)
        yield template.format(
            a=a, n=n, name=full, version=version, high=version // 250 % 250, low=version % 250
        )
