// TestProxy: the whole data path in one process: a real Server on loopback ports, its snapshot made from a few words,
// its access log at hand. A ManualClock (tests/doubles/manual_clock.h) may drive all its limits.
#pragma once

#include "proxy/server.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/proxy/peer.h"

#include <boost/json/object.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse {

using ServicePtr = std::shared_ptr<const Service>;

std::shared_ptr<Service> service(std::vector<Endpoint> endpoints, std::string name = "test/service:80");

// An HTTP route to the service; a null one is missing.
HttpRoutePtr to(ServicePtr service, std::string host = "", std::string path = "/");
TcpRoutePtr tcp_to(ServicePtr service, const std::string& rule = "HostSNI(`*`)", TcpTls tls = TcpTls::none,
                   ProxyHeaderVersion proxy_header = ProxyHeaderVersion::none);

// An entry point on a loopback port of the system's choice. Change what the test is about before publishing it.
struct EntryDraft : EntryPoint {
  std::vector<HttpRoutePtr> http_routes;
  std::vector<TcpRoutePtr> tcp_routes;
};
EntryDraft entry(std::string name, std::vector<HttpRoutePtr> http, std::vector<TcpRoutePtr> tcp = {});

AddressRanges ranges(const std::vector<std::string>& texts);

// "GET /path HTTP/1.1" with Host a.example and these further field lines, each ended by CRLF.
std::string get(std::string_view target, std::string_view fields = {});
std::string ok(std::string_view body, std::string_view fields = {});

// What failed for this reason, as a sample of the metrics.
std::string failures(std::string_view reason);

class TestProxy {
 public:
  struct Setup {
    std::size_t workers = 1;
    ManualClock* clock = nullptr;  // null: the system's
    AccessLogFormat format = AccessLogFormat::json;
    bool ready = true;
    std::size_t most_connections = 0;  // 0: the server's own choice
    Logger log = std::make_shared<spdlog::logger>("quiet");
  };

  TestProxy() : TestProxy(Setup{}) {}
  explicit TestProxy(Setup setup);
  explicit TestProxy(EntryDraft only, Setup setup) : TestProxy(setup) { publish({std::move(only)}); }
  explicit TestProxy(EntryDraft only) : TestProxy(std::move(only), Setup{}) {}

  // Publishes these entry points, and "admin". Takes hold of new connections and of the next request of old ones.
  std::vector<std::string> publish(std::vector<EntryDraft> entries);
  // And every worker has it: for what listeners that were there before accept next.
  void publish_and_wait(std::vector<EntryDraft> entries);
  // What the next publish shows to TLS clients.
  void use(tls::CertificateStore::Contents certificates);
  // The challenges that are pending from the next publish on.
  void use(tls::ChallengeBoard challenges);

  RawPeer connect(const std::string& entry_point = "web", int receive_buffer = 0,
                  const std::string& source = "127.0.0.1");
  Endpoint address(const std::string& entry_point) const;
  // One request on a connection of its own to "web".
  Message ask(std::string_view request);
  Message ask_admin(std::string_view path);

  // The next access-log line; the admin entry point's are left out. The text as it was, and parsed.
  std::string log_text();
  boost::json::object log_line();

  // The value of one sample, "name{label=\"x\"}"; -1 when it is not there.
  double metric(const std::string& sample);
  // Asks until the sample has this value; what was seen instead, after 20 s.
  double await_metric(const std::string& sample, double value);
  // How many connections the entry point has open right now: also shows that they have been taken up.
  double await_open(const std::string& entry_point, double count);

  // Moves the clock, and returns when every worker has seen it.
  void pass(Duration time);
  // Moves the clock by `step` until the peer has something to read or an end; how far that was.
  Duration advance_until_readable(RawPeer& peer, Duration step = std::chrono::milliseconds(100));

  Server& server() { return *server_; }

 private:
  ManualClock* clock_;
  std::size_t workers_;
  SystemClock system_clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> lines_;
  std::shared_ptr<const tls::CertificateStore> certificates_ = std::make_shared<const tls::CertificateStore>();
  std::shared_ptr<const tls::ChallengeBoard> challenges_ = std::make_shared<const tls::ChallengeBoard>();
  std::uint64_t generation_ = 0;
  Admin admin_;
  std::unique_ptr<Server> server_;
};

}  // namespace gatehouse
