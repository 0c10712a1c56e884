#include "config/kubernetes/object_writer.h"

#include "base/base64.h"

#include <boost/json.hpp>

namespace gatehouse::kubernetes {
namespace {

namespace json = boost::json;

json::object start(std::string_view api_version, std::string_view kind, const Meta& meta) {
  json::object metadata{{"name", meta.name.name}};
  if (!meta.name.ns.empty()) metadata["namespace"] = meta.name.ns;
  const Notes& notes = meta.notes();
  if (!notes.created.empty()) metadata["creationTimestamp"] = notes.created;
  const auto add = [&](std::string_view field, const TextMap& texts) {
    json::object map;
    for (const auto& [key, text] : texts) map[key] = text;
    if (!map.empty()) metadata[field] = std::move(map);
  };
  add("labels", notes.labels);
  add("annotations", notes.annotations);
  return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

void add_text(json::object& object, std::string_view field, const std::string& text) {
  if (!text.empty()) object[field] = text;
}

json::array texts(const std::vector<std::string>& list) {
  json::array array;
  for (const auto& text : list) array.emplace_back(text);
  return array;
}

std::string base64(std::string_view bytes) {
  std::string text = base64url(bytes);
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  return text.append((4 - text.size() % 4) % 4, '=');
}

json::value port_of(const PortRef& port) {
  if (port.number != 0) return port.number;
  return json::value(port.name);
}

// ---- Ingress, IngressClass

json::object backend_of(const IngressBackend& backend) {
  if (backend.is_resource) {
    const auto slash = backend.name.find('/');
    return {{"resource", {{"kind", backend.name.substr(0, slash)}, {"name", backend.name.substr(slash + 1)}}}};
  }
  json::object service{{"name", backend.name}};
  if (backend.port.number != 0)
    service["port"] = {{"number", backend.port.number}};
  else if (!backend.port.name.empty())
    service["port"] = {{"name", backend.port.name}};
  return {{"service", std::move(service)}};
}

std::string_view path_type_name(PathType type) {
  switch (type) {
    case PathType::missing: return "";
    case PathType::unknown: return "unknown";
    case PathType::exact: return "Exact";
    case PathType::prefix: return "Prefix";
    case PathType::implementation_specific: return "ImplementationSpecific";
  }
  return "";
}

json::object rule_of(const IngressRule& rule) {
  json::object written;
  add_text(written, "host", rule.host);
  if (!rule.has_http) return written;
  json::array paths;
  for (const IngressPath& path : rule.paths) {
    json::object entry{{"backend", backend_of(path.backend)}};
    add_text(entry, "path", path.path);
    add_text(entry, "pathType", std::string(path_type_name(path.type)));
    paths.push_back(std::move(entry));
  }
  written["http"] = {{"paths", std::move(paths)}};
  return written;
}

json::object write(const Ingress& ingress) {
  json::object spec;
  if (ingress.class_name) spec["ingressClassName"] = *ingress.class_name;
  if (ingress.default_backend) spec["defaultBackend"] = backend_of(*ingress.default_backend);
  json::array rules, tls;
  for (const IngressRule& rule : ingress.rules) rules.push_back(rule_of(rule));
  for (const IngressTls& entry : ingress.tls) {
    json::object written{{"hosts", texts(entry.hosts)}};
    add_text(written, "secretName", entry.secret);
    tls.push_back(std::move(written));
  }
  spec["rules"] = std::move(rules);
  spec["tls"] = std::move(tls);
  json::object object = start("networking.k8s.io/v1", "Ingress", ingress.meta);
  object["spec"] = std::move(spec);
  return object;
}

json::object write(const IngressClass& ingress_class) {
  json::object object = start("networking.k8s.io/v1", "IngressClass", ingress_class.meta);
  object["spec"] = {{"controller", ingress_class.controller}};
  return object;
}

// ---- Service, EndpointSlice, Secret

json::object write(const Service& service) {
  json::object spec;
  add_text(spec, "type", service.type);
  add_text(spec, "clusterIP", service.cluster_ip);
  add_text(spec, "externalName", service.external_name);
  if (!service.external_ips.empty())
    spec["externalIPs"] = json::array(service.external_ips.begin(), service.external_ips.end());
  json::array ports;
  for (const ServicePort& port : service.ports) {
    json::object written;
    add_text(written, "name", port.name);
    if (port.port != 0) written["port"] = port.port;
    if (port.target.given()) written["targetPort"] = port_of(port.target);
    add_text(written, "appProtocol", port.app_protocol);
    ports.push_back(std::move(written));
  }
  spec["ports"] = std::move(ports);
  json::object object = start("v1", "Service", service.meta);
  object["spec"] = std::move(spec);
  return object;
}

json::array named(const std::vector<std::string>& names) {
  json::array list;
  for (const auto& name : names) list.push_back(json::object{{"name", name}});
  return list;
}

json::object write(const EndpointSlice& slice) {
  json::object object = start("discovery.k8s.io/v1", "EndpointSlice", slice.meta);
  json::array endpoints, ports;
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    json::object written{
        {"addresses", {endpoint.address.to_string()}},
        {"conditions",
         {{"ready", endpoint.ready}, {"serving", endpoint.serving}, {"terminating", endpoint.terminating}}}};
    if (!endpoint.target.empty()) written["targetRef"] = {{"name", endpoint.target}};
    if (endpoint.hints)
      written["hints"] = {{"forZones", named(endpoint.hints->zones)}, {"forNodes", named(endpoint.hints->nodes)}};
    endpoints.push_back(std::move(written));
  }
  for (const SlicePort& port : slice.ports) {
    json::object written;
    add_text(written, "name", port.name);
    if (port.port != 0) written["port"] = port.port;
    ports.push_back(std::move(written));
  }
  object["endpoints"] = std::move(endpoints);
  object["ports"] = std::move(ports);
  return object;
}

json::object write(const Secret& secret) {
  json::object object = start("v1", "Secret", secret.meta);
  json::object data;
  if (!secret.certificate.empty()) data["tls.crt"] = base64(secret.certificate);
  if (!secret.key.empty()) data["tls.key"] = base64(secret.key);
  object["data"] = std::move(data);
  return object;
}

// ---- IngressRouteTCP

// Fields that are not honoured are kept as given, whatever was in them.
void add_ignored(json::object& object, std::string_view fields) {
  while (!fields.empty()) {
    const auto comma = std::min(fields.find(", "), fields.size());
    object[fields.substr(0, comma)] = "given";
    fields.remove_prefix(std::min(comma + 2, fields.size()));
  }
}

json::object service_of(const TcpServiceRef& service) {
  json::object written{{"weight", service.weight}, {"tls", service.tls}, {"nativeLB", service.native_lb}};
  add_text(written, "name", service.name);
  add_text(written, "namespace", service.ns);
  if (service.port.given()) written["port"] = port_of(service.port);
  if (service.proxy_protocol != 0) written["proxyProtocol"] = {{"version", service.proxy_protocol}};
  add_ignored(written, service.ignored);
  return written;
}

json::object rule_of(const TcpRouteRule& rule) {
  json::object written{{"priority", rule.priority}};
  add_text(written, "match", rule.match);
  if (rule.v2_syntax) written["syntax"] = "v2";
  json::array middlewares, services;
  for (const auto& name : rule.middlewares) middlewares.push_back(json::object{{"name", name}});
  for (const TcpServiceRef& service : rule.services) services.push_back(service_of(service));
  written["middlewares"] = std::move(middlewares);
  written["services"] = std::move(services);
  return written;
}

json::object tls_of(const TcpRouteTls& tls) {
  json::object written{{"passthrough", tls.passthrough}};
  add_text(written, "secretName", tls.secret);
  add_text(written, "certResolver", tls.cert_resolver);
  if (!tls.options.empty()) written["options"] = json::object{{"name", tls.options}};
  add_ignored(written, tls.ignored);
  json::array domains;
  for (const auto& names : tls.domains) domains.push_back(json::object{{"sans", texts(names)}});
  written["domains"] = std::move(domains);
  return written;
}

json::object write(const IngressRouteTcp& route) {
  json::object spec{{"entryPoints", texts(route.entry_points)}};
  if (route.class_name) spec["ingressClassName"] = *route.class_name;
  json::array routes;
  for (const TcpRouteRule& rule : route.routes) routes.push_back(rule_of(rule));
  spec["routes"] = std::move(routes);
  if (route.tls) spec["tls"] = tls_of(*route.tls);
  const std::string_view version = route.old_group ? "traefik.containo.us/v1alpha1" : "traefik.io/v1alpha1";
  json::object object = start(version, "IngressRouteTCP", route.meta);
  object["spec"] = std::move(spec);
  return object;
}

}  // namespace

std::string write_object(const Object& object) {
  return std::visit([](const auto& o) { return json::serialize(write(*o)); }, object);
}

}  // namespace gatehouse::kubernetes
