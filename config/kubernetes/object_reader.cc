#include "config/kubernetes/object_reader.h"

#include "config/kubernetes/field_reader.h"

#include <algorithm>
#include <array>
#include <limits>

namespace gatehouse::kubernetes {
namespace {

constexpr std::string_view service_name_label = "kubernetes.io/service-name";
constexpr std::size_t most_endpoints = 1000;         // of one slice, as the API server says too
constexpr std::size_t longest_secret = 1024 * 1024;  // the API server's limit of a whole Secret

// Kinds that are no business of routing, though they stand in the same files.
constexpr std::array<std::string_view, 34> quiet_kinds = {"Certificate",
                                                          "ClusterIssuer",
                                                          "ClusterRole",
                                                          "ClusterRoleBinding",
                                                          "ConfigMap",
                                                          "CronJob",
                                                          "CustomResourceDefinition",
                                                          "DaemonSet",
                                                          "Deployment",
                                                          "HorizontalPodAutoscaler",
                                                          "Issuer",
                                                          "Job",
                                                          "Kustomization",
                                                          "LimitRange",
                                                          "Namespace",
                                                          "NetworkPolicy",
                                                          "PersistentVolume",
                                                          "PersistentVolumeClaim",
                                                          "Pod",
                                                          "PodDisruptionBudget",
                                                          "PodMonitor",
                                                          "PriorityClass",
                                                          "PrometheusRule",
                                                          "ReplicaSet",
                                                          "ReplicationController",
                                                          "ResourceQuota",
                                                          "Role",
                                                          "RoleBinding",
                                                          "ServiceAccount",
                                                          "ServiceMonitor",
                                                          "StatefulSet",
                                                          "StorageClass",
                                                          "ValidatingWebhookConfiguration",
                                                          "MutatingWebhookConfiguration"};

bool label_is_read(std::string_view key) {
  return key == service_name_label || key == "acme.cert-manager.io/http01-solver";
}

bool annotation_is_read(std::string_view key) {
  return key.starts_with("traefik.ingress.kubernetes.io/") || key.starts_with("gatehouse.dev/") ||
         key == "cert-manager.io/issuer" || key == "cert-manager.io/cluster-issuer" || key == certificate_name_note ||
         key == "kubernetes.io/ingress.class" || key == "ingressclass.kubernetes.io/is-default-class";
}

Meta read_meta(FieldReader& reader, const Value& object, const ObjectSource& source, bool namespaced) {
  const Value metadata = object["metadata"];
  Meta meta;
  meta.name.name = reader.name(metadata, "name");
  if (namespaced) meta.name.ns = reader.name(metadata, "namespace");
  if (namespaced && meta.name.ns.empty()) meta.name.ns = "default";
  Notes notes;
  notes.created = reader.text(metadata, "creationTimestamp", 64);
  notes.labels = reader.text_map(metadata, "labels", label_is_read);
  notes.annotations = reader.text_map(metadata, "annotations", annotation_is_read);
  if (notes != Notes()) meta.given = std::make_shared<const Notes>(std::move(notes));
  meta.origin = {source.file, {object.line()}};
  return meta;
}

std::optional<std::string> optional_name(FieldReader& reader, const Value& parent, std::string_view field) {
  if (!parent[field].given()) return std::nullopt;
  return reader.name(parent, field);
}

// ---- Ingress, IngressClass

IngressBackend read_backend(FieldReader& reader, const Value& value) {
  IngressBackend backend;
  backend.line = {value.line()};
  const Value service = reader.map(value, "service");
  const Value resource = reader.map(value, "resource");
  if (service.given() && resource.given()) reader.refuse(value, "service and resource exclude each other");
  backend.is_resource = resource.given();
  backend.name = backend.is_resource ? reader.name(resource, "kind") + "/" + reader.name(resource, "name")
                                     : reader.name(service, "name");
  const Value port = reader.map(service, "port");
  backend.port = {reader.port_number(port, "number"), reader.name(port, "name")};
  if (port["number"].given() && port["name"].given()) reader.refuse(port, "number and name exclude each other");
  return backend;
}

PathType read_path_type(FieldReader& reader, const Value& path) {
  const std::string text = reader.text(path, "pathType", 64);
  if (text == "Exact") return PathType::exact;
  if (text == "Prefix") return PathType::prefix;
  if (text == "ImplementationSpecific") return PathType::implementation_specific;
  return text.empty() ? PathType::missing : PathType::unknown;
}

IngressRule read_rule(FieldReader& reader, const Value& value) {
  IngressRule rule;
  rule.line = {value.line()};
  rule.host = reader.text(value, "host");
  const Value http = reader.map(value, "http");
  rule.has_http = http.given();
  for (const Value item : reader.list(http, "paths"))
    rule.paths.push_back({reader.text(item, "path"),
                          read_path_type(reader, item),
                          read_backend(reader, reader.map(item, "backend")),
                          {item.line()}});
  return rule;
}

std::shared_ptr<Ingress> read_ingress(FieldReader& reader, const Value& object) {
  auto ingress = std::make_shared<Ingress>();
  const Value spec = reader.map(object, "spec");
  ingress->class_name = optional_name(reader, spec, "ingressClassName");
  if (const Value backend = reader.map(spec, "defaultBackend"); backend.given())
    ingress->default_backend = std::make_unique<const IngressBackend>(read_backend(reader, backend));
  for (const Value item : reader.list(spec, "rules")) ingress->rules.push_back(read_rule(reader, item));
  for (const Value item : reader.list(spec, "tls"))
    ingress->tls.push_back({reader.texts(item, "hosts"), reader.name(item, "secretName"), {item.line()}});
  return ingress;
}

std::shared_ptr<IngressClass> read_class(FieldReader& reader, const Value& object) {
  auto ingress_class = std::make_shared<IngressClass>();
  ingress_class->controller = reader.text(reader.map(object, "spec"), "controller", 250);
  return ingress_class;
}

// ---- Service, EndpointSlice, Secret

bool is_tcp(FieldReader& reader, const Value& port) {
  const std::string protocol = reader.text(port, "protocol", 16);
  return protocol.empty() || protocol == "TCP";
}

std::shared_ptr<Service> read_service(FieldReader& reader, const Value& object) {
  auto service = std::make_shared<Service>();
  const Value spec = reader.map(object, "spec");
  service->type = reader.text(spec, "type", 64);
  service->cluster_ip = reader.text(spec, "clusterIP", 64);
  service->external_name = reader.text(spec, "externalName");
  service->external_ips = reader.texts(spec, "externalIPs");
  for (const Value item : reader.list(spec, "ports"))
    if (is_tcp(reader, item))
      service->ports.push_back({reader.name(item, "name"), reader.port_number(item, "port"),
                                reader.port(item, "targetPort"), reader.text(item, "appProtocol", 64)});
  return service;
}

constexpr std::size_t most_hints = 8;  // as the API server says too; further ones are passed over

std::vector<std::string> read_names(FieldReader& reader, const Value& hints, std::string_view field) {
  std::vector<std::string> names;
  for (const Value item : reader.list(hints, field)) {
    if (names.size() == most_hints) break;
    names.push_back(reader.name(item, "name"));
  }
  return names;
}

// `before`: those of the endpoint before, which most often are the same.
std::shared_ptr<const TopologyHints> read_hints(FieldReader& reader, const Value& endpoint,
                                                const std::shared_ptr<const TopologyHints>& before) {
  const Value given = reader.map(endpoint, "hints");
  if (!given.given()) return nullptr;
  TopologyHints hints{read_names(reader, given, "forZones"), read_names(reader, given, "forNodes")};
  if (hints == TopologyHints()) return nullptr;
  return before && *before == hints ? before : std::make_shared<const TopologyHints>(std::move(hints));
}

SliceEndpoint read_endpoint(FieldReader& reader, const Value& value) {
  SliceEndpoint endpoint;
  const Value addresses = reader.list(value, "addresses");
  const Value conditions = reader.map(value, "conditions");
  endpoint.ready = reader.boolean(conditions, "ready", true);
  endpoint.serving = reader.boolean(conditions, "serving", endpoint.ready);
  endpoint.terminating = reader.boolean(conditions, "terminating", false);
  endpoint.target = reader.name(reader.map(value, "targetRef"), "name");
  if (addresses.begin() == addresses.end()) {
    reader.refuse(value, "an endpoint without an address");
    return endpoint;
  }
  const Value first = *addresses.begin();
  error_code error;
  endpoint.address = asio::ip::make_address(reader.text_of(first, 64), error);
  if (error) reader.refuse(first, quoted(first.text()) + " is not an IP address");
  return endpoint;
}

std::shared_ptr<EndpointSlice> read_slice(FieldReader& reader, const Value& object) {
  auto slice = std::make_shared<EndpointSlice>();
  if (reader.text(object, "addressType", 16) == "FQDN") return slice;
  std::shared_ptr<const TopologyHints> hints;
  for (const Value item : reader.list(object, "endpoints")) {
    slice->endpoints.push_back(read_endpoint(reader, item));
    if (auto own = read_hints(reader, item, hints)) slice->endpoints.back().hints = hints = std::move(own);
  }
  if (slice->endpoints.size() > most_endpoints) reader.refuse(object["endpoints"], "more than 1000 endpoints");
  for (const Value item : reader.list(object, "ports"))
    if (is_tcp(reader, item)) slice->ports.push_back({reader.name(item, "name"), reader.port_number(item, "port")});
  return slice;
}

std::string read_secret_key(FieldReader& reader, const Value& object, std::string_view key) {
  const Value plain = reader.map(object, "stringData")[key];
  if (plain.given()) return reader.text_of(plain, longest_secret);
  const Value encoded = reader.map(object, "data")[key];
  auto decoded = decode_base64(reader.text_of(encoded, longest_secret * 3 / 2));
  if (!decoded) reader.refuse(encoded, "not base64");
  return decoded.value_or("");
}

std::shared_ptr<Secret> read_secret(FieldReader& reader, const Value& object) {
  auto secret = std::make_shared<Secret>();
  secret->certificate = read_secret_key(reader, object, "tls.crt");
  secret->key = read_secret_key(reader, object, "tls.key");
  return secret;
}

// ---- IngressRouteTCP

// The given ones of `fields`, comma separated; false, 0 and empty text count as not given.
std::string given_fields(const Value& value, std::initializer_list<std::string_view> fields) {
  std::string names;
  for (const std::string_view field : fields) {
    const Value given = value[field];
    if (!given.given() || given.text() == "false" || given.text() == "0") continue;
    if (given.is_text() && given.text().empty()) continue;
    names += (names.empty() ? "" : ", ") + std::string(field);
  }
  return names;
}

std::uint8_t read_proxy_protocol(FieldReader& reader, const Value& service) {
  const Value given = reader.map(service, "proxyProtocol");
  return given.given() ? static_cast<std::uint8_t>(reader.integer(given, "version", 2, 1, 2)) : std::uint8_t{0};
}

TcpServiceRef read_tcp_service(FieldReader& reader, const Value& value) {
  TcpServiceRef service;
  service.name = reader.name(value, "name");
  service.ns = reader.name(value, "namespace");
  service.port = reader.port(value, "port");
  service.weight = static_cast<std::uint32_t>(reader.integer(value, "weight", 1, 0, 1'000'000));
  service.proxy_protocol = read_proxy_protocol(reader, value);
  service.tls = reader.boolean(value, "tls", false);
  service.native_lb = reader.boolean(value, "nativeLB", false);
  service.ignored = given_fields(value, {"terminationDelay", "serversTransport", "nodePortLB"});
  service.line = {value.line()};
  return service;
}

TcpRouteRule read_tcp_rule(FieldReader& reader, const Value& value) {
  TcpRouteRule rule;
  rule.line = {value.line()};
  rule.match = reader.text(value, "match");
  rule.priority =
      reader.integer(value, "priority", 0, std::numeric_limits<std::int64_t>::min(), 9'223'372'036'854'775'000);
  const std::string syntax = reader.text(value, "syntax", 16);
  if (!syntax.empty() && syntax != "v2" && syntax != "v3") reader.refuse(value["syntax"], "expected v3 or v2");
  rule.v2_syntax = syntax == "v2";
  for (const Value item : reader.list(value, "middlewares")) rule.middlewares.push_back(reader.name(item, "name"));
  for (const Value item : reader.list(value, "services")) rule.services.push_back(read_tcp_service(reader, item));
  return rule;
}

// A namespace is a part of the name, as in Traefik's own names.
std::string read_tls_options(FieldReader& reader, const Value& tls) {
  const Value given = reader.map(tls, "options");
  if (!given.given()) return {};
  const std::string name = reader.text(given, "name", 253), ns = reader.text(given, "namespace", 253);
  if (name.empty() && !ns.empty()) reader.refuse(given, "has a namespace, but not the name of TLS options");
  const bool is_whole = ns.empty() || name.empty() || name.find('@') != std::string::npos;
  return is_whole ? name : ns + "-" + name;
}

TcpRouteTls read_tcp_tls(FieldReader& reader, const Value& value) {
  TcpRouteTls tls;
  tls.line = {value.line()};
  tls.secret = reader.name(value, "secretName");
  tls.passthrough = reader.boolean(value, "passthrough", false);
  tls.cert_resolver = reader.text(value, "certResolver", 253);
  tls.options = read_tls_options(reader, value);
  tls.ignored = given_fields(value, {"store"});
  for (const Value domain : reader.list(value, "domains")) {
    auto& names = tls.domains.emplace_back();
    if (std::string main = reader.text(domain, "main"); !main.empty()) names.push_back(std::move(main));
    for (std::string& san : reader.texts(domain, "sans")) names.push_back(std::move(san));
  }
  return tls;
}

std::shared_ptr<IngressRouteTcp> read_tcp_route(FieldReader& reader, const Value& object) {
  auto route = std::make_shared<IngressRouteTcp>();
  const Value spec = reader.map(object, "spec");
  route->class_name = optional_name(reader, spec, "ingressClassName");
  route->entry_points = reader.texts(spec, "entryPoints");
  for (const Value item : reader.list(spec, "routes")) route->routes.push_back(read_tcp_rule(reader, item));
  if (const Value tls = reader.map(spec, "tls"); tls.given()) route->tls = read_tcp_tls(reader, tls);
  return route;
}

// ---- what an object is

enum class Known { no, other_version, ingress, ingress_class, service, slice, secret, tcp_route, old_tcp_route };

struct KnownType {
  ObjectType type;
  Known known;
};

constexpr std::array<KnownType, 7> known_types = {{
    {{"networking.k8s.io/v1", "Ingress"}, Known::ingress},
    {{"networking.k8s.io/v1", "IngressClass"}, Known::ingress_class},
    {{"v1", "Service"}, Known::service},
    {{"discovery.k8s.io/v1", "EndpointSlice"}, Known::slice},
    {{"v1", "Secret"}, Known::secret},
    {{"traefik.io/v1alpha1", "IngressRouteTCP"}, Known::tcp_route},
    {{"traefik.containo.us/v1alpha1", "IngressRouteTCP"}, Known::old_tcp_route},
}};

std::string_view group_of(std::string_view api_version) {
  const auto slash = api_version.find('/');
  return slash == std::string_view::npos ? "" : api_version.substr(0, slash);
}

// `other_version`: a kind of ours in an API version that is not read, such as extensions/v1beta1.
Known known_type(ObjectType type) {
  Known known = Known::no;
  for (const KnownType& row : known_types) {
    if (row.type.kind != type.kind) continue;
    if (row.type.api_version == type.api_version) return row.known;
    const std::string_view group = group_of(type.api_version);
    if (group == group_of(row.type.api_version) || group == "extensions") known = Known::other_version;
  }
  return known;
}

std::string_view version_to_use(ObjectType type) {
  const auto row = std::find_if(known_types.begin(), known_types.end(),
                                [&](const KnownType& known) { return known.type.kind == type.kind; });
  return row->type.api_version;
}

bool is_quiet(std::string_view kind) {
  return std::find(quiet_kinds.begin(), quiet_kinds.end(), kind) != quiet_kinds.end();
}

// A word of an object's own for messages, before it is known to be sane.
std::string shown(const Value& value) {
  const std::string_view text = value.text();
  const bool sane = text.size() <= FieldReader::longest_name &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return sane ? std::string(text) : quoted(text);
}

std::string object_text(const Value& object, std::string_view kind) {
  const Value metadata = object["metadata"];
  const bool clustered = kind == "IngressClass" || !metadata["name"].given();
  const std::string ns = metadata["namespace"].given() ? shown(metadata["namespace"]) : "default";
  const std::string name = metadata["name"].given() ? shown(metadata["name"]) : "without a name";
  return std::string(kind) + " " + (clustered ? "" : ns + "/") + name;
}

class ObjectStep {
 public:
  ObjectStep(const Value& value, std::string_view kind, const ObjectSource& source, ParsedManifest& parsed)
      : value_(value),
        source_(source),
        parsed_(parsed),
        reader_(source.file_name(), object_text(value, kind), parsed.problems) {}

  template <class T>
  void read(
      std::shared_ptr<T> (*fields)(FieldReader&, const Value&), void (*finish)(T&) = [](T&) {}) {
    const Value metadata = reader_.map(value_, "metadata");
    if (!metadata["name"].given() || metadata["name"].text().empty())
      return reader_.refuse(metadata.given() ? metadata : value_, "it has no name");
    Meta meta = read_meta(reader_, value_, source_, !std::is_same_v<T, IngressClass>);
    std::shared_ptr<T> object = fields(reader_, value_);
    object->meta = std::move(meta);
    finish(*object);
    if (reader_.refused())
      parsed_.refused.push_back(key_of(std::shared_ptr<const T>(object)));
    else
      parsed_.objects.emplace_back(std::shared_ptr<const T>(object));
  }

 private:
  const Value& value_;
  const ObjectSource& source_;
  ParsedManifest& parsed_;
  FieldReader reader_;
};

void complain(const Value& value, Severity severity, std::string object, std::string words, const ObjectSource& source,
              ParsedManifest& parsed) {
  if (parsed.problems.size() >= most_problems) return;
  parsed.problems.push_back(
      {source.file_name(), value.line(), value.column(), severity, std::move(object), std::move(words)});
}

}  // namespace

void read_object(const Value& value, ObjectType type, const ObjectSource& source, ParsedManifest& parsed) {
  const auto warn = [&](const std::string& words) {
    complain(value, Severity::warning, object_text(value, shown(value["kind"])), words, source, parsed);
  };
  if (!value.is_map() || type.kind.empty())
    return complain(value, Severity::error, "", "not a Kubernetes object: it has no kind", source, parsed);
  const Known known = known_type(type);
  if (known == Known::no) {
    if (!is_quiet(type.kind)) warn("kind " + quoted(type.kind) + " of " + quoted(type.api_version) + " is not read");
    return;
  }
  if (known == Known::other_version)
    return warn("apiVersion " + quoted(type.api_version) + " is not read; use " + std::string(version_to_use(type)));

  ObjectStep step(value, type.kind, source, parsed);
  switch (known) {
    case Known::ingress: return step.read(read_ingress);
    case Known::ingress_class: return step.read(read_class);
    case Known::service: return step.read(read_service);
    case Known::slice:
      return step.read<EndpointSlice>(read_slice, [](EndpointSlice& slice) {
        const auto& labels = slice.meta.notes().labels;
        const auto label = labels.find(service_name_label);
        if (label != labels.end()) slice.service = label->second;
      });
    case Known::secret: return step.read(read_secret);
    case Known::tcp_route: return step.read(read_tcp_route);
    case Known::old_tcp_route:
      return step.read<IngressRouteTcp>(read_tcp_route, [](IngressRouteTcp& route) { route.old_group = true; });
    case Known::no:
    case Known::other_version: return;
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  const auto value_of = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  std::size_t digits = 0, padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      if (++padding > 2) return std::nullopt;
      continue;
    }
    const int value = value_of(c);
    if (value < 0 || padding > 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++digits % 4 == 0) {
      bytes += static_cast<char>(bits >> 16);
      bytes += static_cast<char>(bits >> 8);
      bytes += static_cast<char>(bits);
    }
  }
  if ((digits + padding) % 4 != 0 || digits % 4 == 1) return std::nullopt;
  if (digits % 4 == 2) bytes += static_cast<char>(bits >> 4);
  if (digits % 4 == 3) {
    bytes += static_cast<char>(bits >> 10);
    bytes += static_cast<char>(bits >> 2);
  }
  return bytes;
}

}  // namespace gatehouse::kubernetes
