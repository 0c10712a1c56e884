// The admin entry point: /ping, /ready, /metrics, /api/… and an overview at /. Read-only. Everything it tells comes
// from functions handed in, so it knows neither configuration nor providers.
#pragma once

#include "proxy/http/exchange.h"
#include "proxy/record.h"
#include "proxy/worker.h"

#include <functional>
#include <string>
#include <vector>

namespace gatehouse {

// What the admin pages tell. The functions may be called on any worker's thread at any time.
struct AdminSource {
  std::function<bool()> ready;                   // every provider has synced once, certificates are loaded
  std::function<bool()> draining;
  std::function<SnapshotPtr()> snapshot;         // the newest
  std::function<std::string()> problems_json;    // a JSON array of what is wrong in the configuration
  std::function<std::string()> cluster_json;     // null: no cluster is followed
  std::function<std::string()> extra_metrics;    // more text in Prometheus' format; may be empty
  std::string version;
  // Host names it answers to besides addresses and localhost; "*": any. A web page elsewhere whose name is made to
  // resolve to this machine (DNS rebinding) is thus kept out of an operator's browser.
  std::vector<std::string> allowed_hosts;
};

class Admin {
 public:
  explicit Admin(AdminSource source) : source_(std::move(source)) {}

  // Whose counters /metrics adds up. Set once, before the first worker runs.
  void watch(std::vector<Worker*> workers) { workers_ = std::move(workers); }

  Awaitable<void> answer(Exchange& exchange, ExchangeRecord& record);

 private:
  struct Page {
    std::uint16_t status = 200;
    std::string_view content_type = "text/plain; charset=utf-8";
    std::string body;
  };

  bool answers_to(std::string_view authority) const;
  Awaitable<Page> page(std::string path);
  Awaitable<std::string> metrics();

  AdminSource source_;
  std::vector<Worker*> workers_;
};

}  // namespace gatehouse
