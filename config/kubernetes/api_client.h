// ★ ApiClient: speaks to one API server as the Access says, over HTTP/1.1 with a connection for each watch.
//
// - The server is never trusted more than its certificate; redirects are not followed; answers are bounded.
// - A 401 makes it read the token file again and ask once more; so does a certificate it cannot accept with the roots.
// - Ordinary requests take turns (RequestRate), so that no loop of ours, however broken, floods the server; watches and
//   leases do not, for neither may come late because of the others.
// - Retry-After is read here and honoured by callers.
//
// Control thread only, but for metrics().
#pragma once

#include "base/deadline.h"
#include "base/log.h"
#include "config/kubernetes/access.h"
#include "config/kubernetes/api.h"
#include "config/kubernetes/credentials.h"
#include "config/kubernetes/request_rate.h"
#include "proxy/http/fetch.h"

#include <array>
#include <atomic>
#include <memory>

namespace gatehouse::kubernetes {

struct ApiLimits {
  std::size_t max_body = 8 * 1024 * 1024;  // of a collected answer, unpacked
  Duration limit = std::chrono::seconds(30);  // on a whole call, and on silence in a stream
  unsigned per_second = 20, burst = 40;
};

class ApiClient {
 public:
  struct Ports {
    asio::io_context& io;
    Deadlines& deadlines;
    Clock& clock;
    Fetcher::Resolve resolve;
    Logger log;
  };

  // Outlives its calls, as do the ports.
  ApiClient(Ports ports, Access access, ApiLimits limits = {});

  // As ApiCall and ApiStream (api.h) say. `silence` in the request of a call limits the whole call.
  Awaitable<Result<ApiAnswer>> call(ApiRequest request);
  Awaitable<Result<ApiAnswer>> stream(ApiRequest request, std::function<bool(std::string_view)> piece);

  // The two as functions; this client outlives them.
  ApiCall caller();
  ApiStream streamer();

  const Access& access() const { return access_; }
  // In Prometheus' format; any thread.
  std::string metrics() const;

 private:
  struct Sent;
  static constexpr std::array verbs = {"get", "watch", "create", "update", "patch", "delete"};
  static constexpr std::array outcomes = {"1xx", "2xx", "3xx", "4xx", "5xx", "none"};

  Awaitable<Result<ApiAnswer>> ask(Sent sent);
  Awaitable<Result<ApiAnswer>> ask_once(const Sent& sent);
  Awaitable<void> take_turn(const ApiRequest& request);
  Result<FetchRequest> written(const Sent& sent);
  Result<std::shared_ptr<Fetcher>> fetcher();
  bool may_do_better(const Result<ApiAnswer>& answer);
  void count(const ApiRequest& request, const Result<ApiAnswer>& answer);

  Ports ports_;
  Access access_;
  ApiLimits limits_;
  Credentials credentials_;
  RequestRate rate_;
  Credentials::Context context_;  // of fetcher_
  std::shared_ptr<Fetcher> fetcher_;  // calls under way keep theirs when it is replaced
  std::array<std::array<std::atomic<std::uint64_t>, outcomes.size()>, verbs.size()> counts_{};
};

// Whether a path asks for a watch.
bool is_watch(std::string_view path);

}  // namespace gatehouse::kubernetes
