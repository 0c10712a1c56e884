"""Gatehouse's static file and the Kubernetes objects the bench gives it."""
import base64

SETTINGS = """\
entryPoints:
  web: {{address: "127.0.0.1:{0}"}}
  websecure: {{address: "127.0.0.1:{1}", http: {{tls: {{}}}}}}
  tcp: {{address: "127.0.0.1:{2}"}}
  admin: {{address: "127.0.0.1:{3}"}}
providers:
  manifests: {{directory: {folder}}}
workers: 1
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: bench}}
spec:
  ports: [{{name: main, port: 80}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  namespace: bench
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
ports: [{{name: main, port: {port}}}]
endpoints: [{{addresses: ["127.0.0.1"], conditions: {{ready: true}}}}]
---
"""

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: bench}}
spec:
  ingressClassName: gatehouse
{tls}  rules:
  - host: {host}
    http:
      paths:
      - path: {path}
        pathType: {path_type}
        backend: {{service: {{name: {service}, port: {{number: 80}}}}}}
---
"""

TCP_ROUTE = """\
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {{name: tcp, namespace: bench}}
spec:
  entryPoints: [tcp]
  routes:
  - match: HostSNI(`*`)
    services: [{{name: {service}, port: 80}}]
---
"""

SECRET = """\
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {{name: certificate, namespace: bench}}
data:
  tls.crt: {certificate}
  tls.key: {key}
---
"""


def gatehouse_settings(ports, folder):
    return SETTINGS.format(*ports, folder=folder)


def service(name, port):
    return SERVICE.format(name=name, port=port)


def ingress(name, host, path, path_type="Prefix", service="upstream", secret=None):
    tls = f"  tls: [{{hosts: [{host}], secretName: {secret}}}]\n" if secret else ""
    return INGRESS.format(name=name, host=host, path=path, path_type=path_type, service=service, tls=tls)


def secret(origin):
    def encoded(path):
        with open(path, "rb") as file:
            return base64.b64encode(file.read()).decode()
    return SECRET.format(certificate=encoded(origin.certificate), key=encoded(origin.key))


def tcp_route(service="upstream"):
    return TCP_ROUTE.format(service=service)


def bench_manifests(origin, upstream):
    """One Service behind the web, TLS and TCP entry points."""
    return (secret(origin) + service("upstream", upstream) + tcp_route()
            + ingress("localhost", "localhost", "/", secret="certificate"))
