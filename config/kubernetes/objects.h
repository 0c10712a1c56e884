// The Kubernetes objects that routing reads, and of each the fields it reads, as plain values. Where an object came
// from (a file now, the API server later) does not show, except in `origin`, which is for messages.
//
// Equality means "says the same": lines and files do not take part, so an object that only moved within its file
// changes nothing. Objects are immutable once made and shared by pointer; whoever keeps the last seen object should
// keep the old pointer when the new one is equal, because translation recognises unchanged objects by their address.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace gatehouse::kubernetes {

// A line in the object's file, from 1; 0 = unknown.
struct Line {
  int number = 0;
  friend bool operator==(Line, Line) { return true; }
};

struct Origin {
  std::shared_ptr<const std::string> file;  // null: the API server
  Line line;

  const std::string& file_name() const;
  friend bool operator==(const Origin&, const Origin&) { return true; }
};

using TextMap = std::map<std::string, std::string, std::less<>>;

// On a Secret that cert-manager writes.
inline constexpr std::string_view certificate_name_note = "cert-manager.io/certificate-name";

// What most objects do not have.
struct Notes {
  std::string created;  // creationTimestamp, RFC 3339 in UTC, so it sorts as text; empty: unknown, sorts last
  TextMap labels;       // of labels and annotations only those that something reads
  TextMap annotations;

  bool operator==(const Notes&) const = default;
};

struct Meta {
  ObjectName name;  // cluster-scoped kinds have an empty namespace
  Origin origin;
  std::shared_ptr<const Notes> given;  // null: none of them

  const Notes& notes() const;
  // Notes::created as an instant; the epoch when it is unknown or none.
  WallTime created() const;
  bool operator==(const Meta& other) const { return name == other.name && notes() == other.notes(); }
};

// A port as an IntOrString or a number/name pair gives it. Neither: the field was left out.
struct PortRef {
  std::uint16_t number = 0;
  std::string name;  // used when number is 0

  bool given() const { return number != 0 || !name.empty(); }
  std::string text() const { return number != 0 ? std::to_string(number) : name; }
  bool operator==(const PortRef&) const = default;
};

// networking.k8s.io/v1 IngressBackend
struct IngressBackend {
  std::string name;  // of the Service; of a resource backend "kind/name"
  PortRef port;
  bool is_resource = false;
  Line line;

  bool operator==(const IngressBackend&) const = default;
};

enum class PathType : std::uint8_t { missing, unknown, exact, prefix, implementation_specific };

struct IngressPath {
  std::string path;
  PathType type = PathType::missing;
  IngressBackend backend;
  Line line;

  bool operator==(const IngressPath&) const = default;
};

struct IngressRule {
  std::string host;
  bool has_http = false;  // `http: null` sends the whole host to the default backend
  std::vector<IngressPath> paths;
  Line line;

  bool operator==(const IngressRule&) const = default;
};

struct IngressTls {
  std::vector<std::string> hosts;
  std::string secret;
  Line line;

  bool operator==(const IngressTls&) const = default;
};

struct Ingress {
  Meta meta;
  std::optional<std::string> class_name;
  std::unique_ptr<const IngressBackend> default_backend;
  std::vector<IngressRule> rules;
  std::vector<IngressTls> tls;

  bool operator==(const Ingress& other) const;
};

struct IngressClass {
  Meta meta;
  std::string controller;

  bool operator==(const IngressClass&) const = default;
};

struct ServicePort {
  std::string name;
  std::uint16_t port = 0;
  PortRef target;
  std::string app_protocol;

  bool operator==(const ServicePort&) const = default;
};

struct Service {
  Meta meta;
  std::string type;
  std::string cluster_ip;
  std::string external_name;
  std::vector<ServicePort> ports;  // TCP ones
  std::vector<std::string> external_ips = {};  // as written

  bool is_external_name() const { return type == "ExternalName"; }
  bool operator==(const Service&) const = default;
};

// For whom an endpoint is (hints.forZones, hints.forNodes): topology-aware routing and Service trafficDistribution.
struct TopologyHints {
  std::vector<std::string> zones;
  std::vector<std::string> nodes;

  bool operator==(const TopologyHints&) const = default;
};

struct SliceEndpoint {
  asio::ip::address address;  // the first; all are equivalent
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string target;  // targetRef's name: the pod
  std::shared_ptr<const TopologyHints> hints;  // null: none; endpoints of a slice with equal ones share them

  bool operator==(const SliceEndpoint& other) const;
};

struct SlicePort {
  std::string name;
  std::uint16_t port = 0;  // 0: any

  bool operator==(const SlicePort&) const = default;
};

// discovery.k8s.io/v1 EndpointSlice; slices of addressType FQDN have no endpoints here.
struct EndpointSlice {
  Meta meta;
  std::string service;  // label kubernetes.io/service-name
  std::vector<SliceEndpoint> endpoints;
  std::vector<SlicePort> ports;  // TCP ones

  bool operator==(const EndpointSlice&) const = default;
};

// Any type of Secret; only the keys of a TLS Secret are kept.
struct Secret {
  Meta meta;
  std::string certificate;  // tls.crt, decoded
  std::string key;          // tls.key, decoded

  bool operator==(const Secret&) const = default;
};

struct TcpServiceRef {
  std::string name;
  std::string ns;  // empty: the route's own
  PortRef port;
  std::uint32_t weight = 1;
  std::uint8_t proxy_protocol = 0;  // version; 0 = none
  bool tls = false;
  bool native_lb = false;
  std::string ignored;  // the fields that are given and not honoured, comma separated
  Line line;

  bool operator==(const TcpServiceRef&) const = default;
};

struct TcpRouteRule {
  std::string match;
  std::int64_t priority = 0;
  bool v2_syntax = false;
  std::vector<std::string> middlewares;
  std::vector<TcpServiceRef> services;
  Line line;

  bool operator==(const TcpRouteRule&) const = default;
};

struct TcpRouteTls {
  std::string secret;
  bool passthrough = false;
  std::string cert_resolver;
  std::vector<std::vector<std::string>> domains;  // each one certificate's names, the main one first
  std::string options;  // as an Ingress's annotation spells them
  std::string ignored;
  Line line;

  bool operator==(const TcpRouteTls&) const = default;
};

// IngressRouteTCP of traefik.io/v1alpha1 or the older traefik.containo.us/v1alpha1.
struct IngressRouteTcp {
  Meta meta;
  bool old_group = false;
  std::optional<std::string> class_name;
  std::vector<std::string> entry_points;
  std::vector<TcpRouteRule> routes;
  std::optional<TcpRouteTls> tls;

  bool operator==(const IngressRouteTcp&) const = default;
};

using Object = std::variant<std::shared_ptr<const Ingress>, std::shared_ptr<const IngressClass>,
                            std::shared_ptr<const Service>, std::shared_ptr<const EndpointSlice>,
                            std::shared_ptr<const Secret>, std::shared_ptr<const IngressRouteTcp>>;

enum class Kind : std::uint8_t { ingress, ingress_class, service, slice, secret, tcp_route, old_tcp_route };

// "Ingress", …; "IngressRouteTCP (traefik.containo.us)" for the older group.
std::string_view kind_name(Kind kind);

// What two versions of one object have in common.
struct ObjectKey {
  Kind kind = Kind::ingress;
  ObjectName name;

  auto operator<=>(const ObjectKey&) const = default;
  std::string text() const;  // "Ingress gitlab/web", "IngressClass nginx"
};

ObjectKey key_of(const Object& object);
const Meta& meta_of(const Object& object);
bool equal(const Object& a, const Object& b);

// A Service by its name, with the slices that belong to it. Either may be there without the other. Once somebody else
// holds it, it does not change any more but for the mark that another one has taken its place: who has drawn
// conclusions from it sees by a look that they still hold.
struct ServiceObjects {
  std::shared_ptr<const Service> service;
  std::vector<std::shared_ptr<const EndpointSlice>> slices;
  mutable bool superseded = false;
};
using ServiceObjectsPtr = std::shared_ptr<const ServiceObjects>;

// What has come, changed or gone since some time.
struct TouchedObjects {
  std::set<ObjectName> ingresses = {};
  std::set<ObjectName> services = {};  // they, or slices of theirs
  std::set<ObjectName> secrets = {};
  bool beyond = false;  // and more than these: other kinds, or too many

  bool any() const { return beyond || !ingresses.empty() || !services.empty() || !secrets.empty(); }
};

struct NameView {
  std::string_view ns;
  std::string_view name;
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(const NameView& name) const;
  std::size_t operator()(const ObjectName& name) const { return (*this)(NameView{name.ns, name.name}); }
};

struct NameEqual {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return a.name == b.name && a.ns == b.ns;
  }
};

// The objects of a cluster or a manifests directory, by kind and name. The tables are for reading; what changes them
// are add, put and erase.
struct ClusterObjects {
  template <class T>
  using Table = std::map<ObjectName, std::shared_ptr<const T>>;

  Table<Ingress> ingresses;
  Table<IngressClass> classes;
  Table<Service> services;
  Table<EndpointSlice> slices;
  Table<Secret> secrets;
  Table<IngressRouteTcp> tcp_routes;
  Table<IngressRouteTcp> old_tcp_routes;  // traefik.containo.us

  // False, changing nothing, when an object of that kind and name is there already.
  bool add(Object object);
  // Adds or replaces; false when an equal object was there, which then stays.
  bool put(Object object);
  bool erase(const ObjectKey& key);

  // Null: neither the Service nor a slice of it is there. Costs one hash probe.
  ServiceObjectsPtr service(NameView name) const;

 private:
  template <class T>
  void index(const T&) {}
  template <class T>
  void unindex(const T&) {}
  void index(const std::shared_ptr<const Service>& service);
  void unindex(const std::shared_ptr<const Service>& service);
  void index(const std::shared_ptr<const EndpointSlice>& slice);
  void unindex(const std::shared_ptr<const EndpointSlice>& slice);
  template <class Change>
  void change_service(const ObjectName& name, Change change);
  template <class T>
  bool erase_from(Table<T>& table, const ObjectName& name);

  std::unordered_map<ObjectName, ServiceObjectsPtr, NameHash, NameEqual> by_service_;
};

}  // namespace gatehouse::kubernetes
