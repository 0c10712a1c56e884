#include "proxy/routes_json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace gatehouse {
namespace {

namespace json = boost::json;

std::string_view text_of(PathKind kind) {
  switch (kind) {
    case PathKind::exact: return "Exact";
    case PathKind::prefix: return "Prefix";
    case PathKind::regex: return "Regex";
  }
  return "";
}

std::string_view text_of(TcpTls tls) {
  switch (tls) {
    case TcpTls::none: return "none";
    case TcpTls::terminate: return "terminate";
    case TcpTls::passthrough: return "passthrough";
  }
  return "";
}

json::value service_json(const Service* service, const std::string& missing) {
  if (!service) return json::object{{"missing", missing}};
  json::array endpoints;
  for (const Endpoint& endpoint : service->endpoints) endpoints.push_back(json::string(endpoint.text()));
  return json::object{
      {"name", service->name}, {"scheme", service->tls ? "https" : "http"}, {"endpoints", std::move(endpoints)}};
}

json::value route_json(const HttpRoute& route) {
  json::object object{
      {"name", route.name}, {"host", route.host}, {"pathType", text_of(route.path_kind)}, {"path", route.path}};
  if (route.priority != 0) object["priority"] = route.priority;
  if (route.tls_only) object["tlsOnly"] = true;
  if (route.tls_options) object["tlsOptions"] = route.tls_options->name;
  object["service"] = service_json(route.service.get(), route.missing);
  return object;
}

json::value route_json(const TcpRoute& route) {
  json::array services;
  for (const WeightedService& weighted : route.services) {
    json::value service = service_json(weighted.service.get(), weighted.missing);
    service.as_object()["weight"] = weighted.weight;
    services.push_back(std::move(service));
  }
  return json::object{{"name", route.name},
                      {"rule", route.rule.text()},
                      {"priority", route.priority},
                      {"tls", text_of(route.tls)},
                      {"services", std::move(services)}};
}

}  // namespace

std::string routes_json(const Snapshot& snapshot) {
  json::array entry_points;
  for (const auto& entry_point : snapshot.entry_points) {
    json::array addresses, http, tcp;
    for (const Endpoint& address : entry_point->addresses) addresses.push_back(json::string(address.text()));
    for (const auto& route : entry_point->http->routes()) http.push_back(route_json(*route));
    for (const auto& route : entry_point->tcp->routes()) tcp.push_back(route_json(*route));
    entry_points.push_back(json::object{{"name", entry_point->name},
                                        {"addresses", std::move(addresses)},
                                        {"http", std::move(http)},
                                        {"tcp", std::move(tcp)}});
  }
  return json::serialize(json::object{{"generation", snapshot.generation}, {"entryPoints", std::move(entry_points)}}) +
         "\n";
}

}  // namespace gatehouse
