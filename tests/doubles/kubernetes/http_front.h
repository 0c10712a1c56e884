// HTTP/1.1 for a server of tests, over TCP or TLS: takes connections and requests, and leaves the answer's bytes to
// others. Everything here happens in one thread.
#pragma once

#include "base/asio.h"
#include "tests/doubles/kubernetes/authority.h"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::kubernetes::fake {

struct HttpRequest {
  std::string method, target, body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
};

// A connection. Functions that wait throw boost::system::system_error when it breaks.
class Wire {
 public:
  virtual ~Wire() = default;

  // Reads more into `inbox`.
  Awaitable<void> fill();
  Awaitable<HttpRequest> read_request();
  virtual Awaitable<void> write(std::string bytes) = 0;
  virtual Awaitable<void> accept() = 0;
  virtual void stop_reading() = 0;  // a fill() that waits throws, and may be called again
  virtual void cut() = 0;

  std::string inbox;
  std::string client_name;  // of a client certificate; empty: it showed none

 private:
  virtual Awaitable<std::size_t> read_some(asio::mutable_buffer buffer) = 0;
  Awaitable<void> fill_to(std::size_t size);
  Awaitable<std::string> read_chunked();
};

class HttpFront {
 public:
  // Answers; whether the connection goes on.
  using Answer = std::function<Awaitable<bool>(std::shared_ptr<Wire>, HttpRequest)>;

  HttpFront(asio::io_context& io, Answer answer) : io_(io), answer_(std::move(answer)) {}
  ~HttpFront();

  void use_tls(const Authority& authority, const PemPair& certificate);
  // Reserves the port at every address for as long as this lives; 0: any that is free.
  void bind(const std::vector<std::string>& addresses, std::uint16_t port);
  std::uint16_t port() const { return port_; }
  void open();
  void close();  // and all connections
  void cut_connections();

 private:
  struct TlsContext;
  Awaitable<void> accept(asio::ip::tcp::acceptor& acceptor);
  Awaitable<void> serve(std::shared_ptr<Wire> wire);
  std::shared_ptr<Wire> wire_of(asio::ip::tcp::socket socket);

  asio::io_context& io_;
  Answer answer_;
  std::shared_ptr<TlsContext> tls_;
  std::uint16_t port_ = 0;
  std::vector<asio::ip::tcp::endpoint> endpoints_;
  std::vector<asio::ip::tcp::socket> held_;  // bound, so that nobody else gets the port while we do not listen
  std::vector<std::unique_ptr<asio::ip::tcp::acceptor>> acceptors_;
  std::vector<std::weak_ptr<Wire>> wires_;
};

}  // namespace gatehouse::kubernetes::fake
