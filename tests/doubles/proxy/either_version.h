// Clients and upstreams that say the same in HTTP/1.1 or in HTTP/2, without TLS, so that one test goes all four ways.
// What they have read is a Message of HTTP/1 in either case: fields of HTTP/2 stand in its head in lower case, `Host`
// is the authority, and a body is without its frames.
#pragma once

#include "tests/doubles/proxy/http2_peer.h"

#include <deque>

namespace gatehouse {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Asked {
  std::string method = "GET", path = "/", host = "a.example";
  Fields fields = {};
  std::string body = {};
  bool more = false;  // of the body follows; without a `content-length` in chunks
};

// One request on a connection of its own. Blocking, for one thread.
class SomeClient {
 public:
  virtual ~SomeClient() = default;

  virtual void ask(const Asked& asked) = 0;
  virtual void send(std::string_view piece) = 0;
  virtual void end(const Fields& trailers = {}) = 0;
  // Of the next head, an interim answer's too; 0: there is none.
  virtual int status() = 0;
  // So much of the answer's body; less: that has ended.
  virtual std::string body(std::size_t count) = 0;
  // All of the answer but interim ones; not `whole`: it was broken off.
  virtual const Message& answer() = 0;
  // Gives the request up: RST_STREAM, or the end of the connection.
  virtual void leave() = 0;
  // Says nothing more, in the middle of whatever it was.
  virtual void shutdown_write() = 0;
};

std::unique_ptr<SomeClient> some_client(TestProxy& proxy, bool http2);

// A request as an upstream sees it.
class SomeExchange {
 public:
  virtual ~SomeExchange() = default;

  virtual const Message& request_head() = 0;
  virtual std::string body(std::size_t count) = 0;
  // All of it; not `whole`: it was broken off.
  virtual const Message& request() = 0;
  virtual void interim(int status, const Fields& fields = {}) = 0;
  // Without a `content-length` the length is left open.
  virtual void head(int status, const Fields& fields = {}) = 0;
  virtual void send(std::string_view piece) = 0;
  virtual void end(const Fields& trailers = {}) = 0;
  // Breaks the answer off: RST_STREAM, or the end of the connection.
  virtual void cut() = 0;
  // Waits until the proxy gives the request up, by RST_STREAM or with the connection.
  virtual bool is_called_off() = 0;
  // Something that is no part of it comes on its connection.
  virtual bool something_follows(int within_ms) = 0;

  void answer(int status, std::string_view body, Fields fields = {});
};

class SomeUpstream {
 public:
  explicit SomeUpstream(bool http2) : http2_(http2) {}

  const Endpoint& endpoint() const { return listener_.endpoint(); }
  // The next request: over HTTP/1.1 on a new connection, over HTTP/2 on the first one.
  std::unique_ptr<SomeExchange> next();
  // A request waits there.
  bool pending(int within_ms = 0);

 private:
  // Reads on until there is a head of another stream; false: the connection ended.
  bool read_head();
  void accept();

  const bool http2_;
  Upstream listener_;
  std::unique_ptr<h2::ServerEnd> session_;
  std::uint32_t last_ = 0;
  std::deque<std::uint32_t> waiting_;
};

}  // namespace gatehouse
