// Fetcher: a small HTTP/1.1 client for our own calls (certificate authorities, webhooks, Kubernetes), not for the data
// path. It collects the answer's body, up to a limit, or hands it on as it comes. Redirects are not followed, and
// proxies named in the environment are not asked: what we call is what the configuration says.
#pragma once

#include "base/buffers.h"
#include "base/deadline.h"
#include "base/result.h"
#include "proxy/http/url.h"
#include "tls/client_context.h"

#include <boost/asio/ip/address.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

struct FetchRequest {
  std::string method = "GET";
  std::string url;
  HeaderLines headers = {};  // besides Host, User-Agent, Content-Length
  std::string body = {};
  bool repeatable = false;  // may reach the server twice; GET and HEAD always may
};

struct FetchResponse {
  std::uint16_t status = 0;
  HeaderLines headers = {};
  std::string body = {};

  // The first of that name (given in lower case); empty when there is none.
  std::string_view header(std::string_view lower_name) const;
};

// An answer whose body is handed on as it comes, without a limit of size.
struct StreamTerms {
  // Gets the body, cut anywhere; `head` is the answer without it. False: enough, which is a good end. Never called for
  // an answer without a body.
  std::function<bool(const FetchResponse& head, std::string_view piece)> piece;
  Duration silence = std::chrono::seconds(30);  // on each wait for the server, its head included
  Duration limit = Duration::zero();  // on the whole call; zero: none once the connection is there
  std::chrono::seconds probe_after{30};  // of silence, by TCP keep-alive: a peer that is no more is noticed
};

class Fetcher {
 public:
  using Resolve = std::function<Awaitable<Result<std::vector<asio::ip::address>>>(std::string name)>;
  struct Settings {
    std::shared_ptr<const tls::ClientContext> tls;
    Duration limit = std::chrono::seconds(30);  // on a whole call, from the look-up of the name to the last byte
    Duration connect_limit = std::chrono::seconds(10);  // on each address, TLS included
    Duration keep_alive = std::chrono::seconds(5);  // on an idle connection
    std::size_t max_body = 1024 * 1024;
    std::string user_agent = "gatehouse/" GATEHOUSE_VERSION;
  };

  // Belongs to the thread of `io`, and outlives the calls; so do io and the wheel. A look-up that outlasts its call may
  // use `resolve` until it ends.
  Fetcher(asio::io_context& io, Deadlines& deadlines, Resolve resolve, Settings settings);
  ~Fetcher();

  // Any status is an answer. Failures are those of an upstream, and name the URL's origin. The addresses of a name are
  // tried one after the other, until one takes the connection.
  Awaitable<Result<FetchResponse>> fetch(FetchRequest request);

  // As fetch(), but the body goes to `terms.piece`. A connection that was cut, was silent for too long, or was left
  // before the end is not used again. Each stream has a connection of its own, so any number may run side by side.
  Awaitable<Result<FetchResponse>> stream(FetchRequest request, StreamTerms terms);

  std::size_t idle_connections() const { return idle_.size(); }

 private:
  class Connection;
  class Call;
  Awaitable<Result<FetchResponse>> run(FetchRequest request, const StreamTerms* terms);
  static constexpr std::size_t most_idle = 8;

  std::unique_ptr<Connection> take_idle(const std::string& origin);
  void give_back(std::unique_ptr<Connection> connection);

  asio::io_context& io_;
  Deadlines& deadlines_;
  Resolve resolve_;
  Settings settings_;
  Buffers buffers_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace gatehouse
