// A Kubernetes API server for tests: real HTTP/1.1 (or HTTPS) on a free loopback port, in its own thread, with the
// protocol's hard parts (resourceVersion, paging, watches, bookmarks, 410, optimistic concurrency, patches) and with
// faults on demand. Real kubectl works against it. All functions may be called from any thread.
//
//   fake::ApiServer server;
//   server.apply(R"({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "a", "name": "web"}})");
//   ... let the client connect to server.url() ...
//   ASSERT_TRUE(server.await([](const fake::View& now) { return now.watches("services") == 1; }));
//   server.end_watches(fake::WatchEnd::expired);
//
// An object is named RESOURCE[.GROUP]/[NAMESPACE/]NAME, a resource by its plural: "services/a/web",
// "ingressclasses/nginx", "ingressroutetcps.traefik.io/a/ssh", "events.events.k8s.io" (the group only where the
// plural is ambiguous; else the first in resource_types.cc).
//
// Compared with a real v1.34.3. Where it is simpler: server-side apply is a merge patch (RFC 7396), nothing is owned by
// a field manager; validation knows only the mistakes our own programs could make; no protobuf (`kubectl create secret`
// sends it) and no OpenAPI; core events and those of events.k8s.io are kept apart; a version too large is refused at
// once, not after three seconds; deleting a namespace deletes what is in it at once.
#pragma once

#include "base/clock.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::kubernetes::fake {

enum class WatchList : std::uint8_t { supported, forbidden, ignored };  // 1.34, 1.33, before 1.27

struct Options {
  bool https = false;  // a certificate for 127.0.0.1, ::1, localhost and kubernetes.default.svc, by ca_pem()
  bool ipv6 = false;  // also on ::1, the same port
  std::uint16_t port = 0;  // 0: any free one
  // Who is let in: these bearer tokens; with `https` also holders of client_certificate_pem(). Anybody when it is
  // empty.
  std::set<std::string> tokens = {};
  bool traefik = true;  // the CRDs of IngressRouteTCP are installed, of both groups
  WatchList watch_list = WatchList::supported;
  Duration bookmarks = Duration::zero();  // how often, and when a watch times out; zero: only when asked by bookmark()
  bool gone_as_status = false;  // a watch from a forgotten version: HTTP 410, else 200 and an ERROR event
  std::size_t history = 100'000;  // changes of one resource that are remembered
  bool managed_fields = false;  // objects carry that noise
  bool keep_requests = true;  // for requests()
  std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };  // called in the server's thread too
};

struct SeenRequest {
  std::string method;
  std::string target;  // as sent, with the query
  std::string body;
  // As RBAC sees it; both empty when it is not about a resource.
  std::string verb;  // get list watch create update patch delete deletecollection
  std::string resource;  // "services", "ingresses/status"
  std::string group;
  std::string ns, name;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::uint16_t status = 0;  // of the answer; 0: not answered yet

  std::string_view header(std::string_view lower_case_name) const;  // empty: none
};

// What is asked of a request to do as the fault says. Empty: any.
struct Which {
  std::string verb = {};
  std::string resource = {};  // "services", "ingresses/status"
  std::string path = {};  // what the target begins with
};

// Instead of, or done to, the answer to a request.
struct Fault {
  Which which = {};
  std::size_t times = 1;
  std::uint16_t status = 0;  // not 0: this answer instead (a Status object unless `body` is given)
  std::optional<std::string> body = {};  // e.g. an HTML page; with status 0 it is 200
  std::string content_type = "application/json";
  int retry_after = 0;  // seconds, as header and in the Status
  Duration delay = Duration::zero();  // before the head
  bool lost = false;  // carried out, but the connection is cut instead of an answer
  std::optional<std::size_t> cut_after = {};  // bytes of the body, then the connection is cut
  // The body a few bytes at a time.
  std::size_t drip_bytes = 0;
  Duration drip_pause = std::chrono::milliseconds(1);
};

enum class WatchEnd : std::uint8_t {
  properly,  // as at its timeout
  cut,  // the connection is closed between events
  cut_in_an_object,  // … after half an event
  expired,  // ERROR event, 410
  failed,  // ERROR event, 500
  garbage,  // a line that is not JSON, then it goes on
};

struct State;

// What a condition of await() may look at.
class View {
 public:
  explicit View(const State& state) : state_(state) {}

  boost::json::value object(std::string_view reference) const;  // null: it is not there
  std::vector<boost::json::value> objects(std::string_view resource) const;
  const std::vector<SeenRequest>& requests() const;
  std::size_t count(std::string_view verb, std::string_view resource) const;  // requests; "ingresses/status"
  std::size_t watches(std::string_view resource = {}) const;  // that are open now
  // Whether those watches were sent everything that happened.
  bool caught_up(std::string_view resource = {}) const;
  std::uint64_t version() const;

 private:
  const State& state_;
};

class ApiServer {
 public:
  explicit ApiServer(Options options = {});
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  std::string url() const;  // http://127.0.0.1:34567
  std::uint16_t port() const;
  const std::string& ca_pem() const;  // empty without https
  const std::string& client_certificate_pem() const;
  const std::string& client_key_pem() const;
  // The text of a kubeconfig: the first token, else the client certificate.
  std::string kubeconfig() const;

  // The cluster, by its back door: no access control, no faults. Throw std::runtime_error for what cannot be read.
  // Creates or replaces the objects of a JSON or YAML text (documents, Lists), status and all; namespaces come into
  // being by being named. uid, creationTimestamp and the like are filled in where they are not given.
  void apply(std::string_view text);
  void patch(std::string_view reference, std::string_view merge_patch);
  bool remove(std::string_view reference);  // whether it was there
  void install_crd(std::string_view group = "traefik.io");  // of IngressRouteTCP
  void remove_crd(std::string_view group = "traefik.io");  // and its objects

  boost::json::value object(std::string_view reference) const;  // null: it is not there
  std::vector<boost::json::value> objects(std::string_view resource) const;
  std::vector<SeenRequest> requests() const;
  void forget_requests();
  // Whether the condition came true within the limit. It is looked at under lock whenever something changes: it must
  // not call the server.
  [[nodiscard]] bool await(const std::function<bool(const View&)>& condition,
                           Duration limit = std::chrono::seconds(30)) const;

  // Access.
  void set_tokens(std::set<std::string> tokens);
  // From now on 403; `verb` and `resource` as in SeenRequest, "*": any. An open watch goes on.
  void forbid(std::string verb, std::string resource);
  void allow_all();

  // Faults. Of those that fit a request the oldest is used.
  void inject(Fault fault);
  void clear_faults();
  void end_watches(WatchEnd how, std::string_view resource = {});
  void bookmark(std::string_view resource = {});  // to those that want them
  // Watches get no more (nor are ended); lists with resourceVersion 0 stay as they are now; NotOlderThan a later
  // version is 504 "Too large resource version". Writes go on.
  void freeze_cache();
  void thaw_cache();
  // Forgets what was before: watches and exact lists of older versions, and continue tokens, are 410.
  void compact();
  // Refuses connections and cuts those there are; the objects stay.
  void stop();
  void start();  // the same port
  void cut_connections();  // those there are

 private:
  class Running;
  std::unique_ptr<Running> running_;
};

}  // namespace gatehouse::kubernetes::fake
