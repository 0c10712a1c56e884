// The two outer sides of a proxy in tests, clients and upstream servers, as connections that the test drives step by
// step. Every wait is for an event and fails the test when that does not come within 20 s.
#pragma once

#include "base/names.h"
#include "base/stream.h"
#include "tests/doubles/held_port.h"
#include "tls/client_context.h"
#include "tls/handshake.h"
#include "tls/server_context.h"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gatehouse {

// One HTTP/1 message as it was on the wire.
struct Message {
  std::string start_line;
  std::string head;      // start line, fields and empty line
  std::string body;      // without chunk framing
  std::string trailers;  // field lines after the last chunk
  bool whole = false;    // false: the connection ended before the message did

  int status() const;
  bool has(std::string_view name) const { return !fields(name).empty(); }
  // The only field of that name; fails the test when there are several. Empty when there is none.
  std::string field(std::string_view name) const;
  std::vector<std::string> fields(std::string_view name) const;
};

// One end of a connection. Blocking; for one thread.
class Peer {
 public:
  enum class End { none, closed, reset };
  Peer() = default;
  Peer(Peer&&) = default;
  Peer& operator=(Peer&&) = default;
  virtual ~Peer() = default;

  // All bytes. False: the other side no longer takes them.
  virtual bool send(std::string_view bytes) = 0;
  virtual void shutdown_write() = 0;
  virtual void close() = 0;

  // Exactly so many bytes, or up to and including `mark`, or up to the end: fewer when the end comes first.
  std::string read(std::size_t count);
  std::string read_until(std::string_view mark);
  std::string read_to_end();
  // Drops this many bytes without keeping them; returns how many came.
  std::uint64_t discard(std::uint64_t count);
  // A request, or the answer to a request. `bodyless`: an answer to HEAD.
  Message read_message(bool bodyless = false);
  // How the other side has ended, as far as it has been read.
  End end() const { return end_; }
  // Reads to the end, which has to be this one.
  End await_end();

 protected:
  // At least one byte, or the end.
  virtual std::size_t receive(char* data, std::size_t size) = 0;
  bool has_unread() const { return !unread_.empty(); }
  End end_ = End::none;

 private:
  bool fill();
  std::string take(std::size_t count);
  void read_chunked(Message& message);

  std::string unread_;
};

class RawPeer final : public Peer {
 public:
  // Takes over the descriptor.
  explicit RawPeer(int descriptor) : descriptor_(descriptor) {}
  RawPeer(RawPeer&& other) noexcept;
  RawPeer& operator=(RawPeer&& other) noexcept;
  ~RawPeer() override { close(); }
  // `receive_buffer`: SO_RCVBUF when not 0. `source`: the address to come from.
  static RawPeer connect(const Endpoint& to, int receive_buffer = 0, const std::string& source = "127.0.0.1");

  bool send(std::string_view bytes) override;
  void shutdown_write() override;
  void close() override;
  // Ends the connection with RST.
  void reset();
  // Sends what is taken without waiting longer than `patience_ms` for room; returns how much that was.
  std::size_t send_what_fits(std::string_view bytes, int patience_ms);
  bool readable_within(int milliseconds);
  int descriptor() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 protected:
  std::size_t receive(char* data, std::size_t size) override;

 private:
  int descriptor_;
};

// TLS over a raw connection, as client or server.
class TlsPeer final : public Peer {
 public:
  // Fails with what the handshake said.
  static Result<std::unique_ptr<TlsPeer>> connect(RawPeer raw, std::shared_ptr<const tls::ClientContext> context,
                                                  std::string server_name);
  static Result<std::unique_ptr<TlsPeer>> accept(RawPeer raw, std::shared_ptr<const tls::ServerContext> context,
                                                 tls::CertificatePtr certificate);
  explicit TlsPeer(RawPeer raw);
  bool send(std::string_view bytes) override;
  void shutdown_write() override;
  void close() override { plain_.close(); }

 protected:
  std::size_t receive(char* data, std::size_t size) override;

 private:
  // Runs the coroutine to its end on this thread.
  template <class T>
  T run(Awaitable<T> work);

  asio::io_context io_;
  PlainStream plain_;
  std::unique_ptr<Stream> tls_;
};

// An upstream that listens; the test accepts and answers.
class Upstream {
 public:
  Upstream();
  ~Upstream() { stop(); }
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }
  // The next connection; throws when none comes.
  RawPeer accept();
  // A connection waits to be accepted.
  bool pending(int within_ms = 0) const;
  int descriptor() const { return descriptor_; }
  // Connections are refused from now on, or accepted again at the same port.
  void stop();
  void listen_again();

 private:
  const HeldPort held_;  // so that nobody else listens there meanwhile
  int descriptor_ = -1;
  Endpoint endpoint_;
};

// An upstream in a thread of its own that answers every request with 200 and the same body.
class AnsweringUpstream {
 public:
  explicit AnsweringUpstream(std::string body);
  ~AnsweringUpstream();
  AnsweringUpstream(const AnsweringUpstream&) = delete;
  AnsweringUpstream& operator=(const AnsweringUpstream&) = delete;

  const Endpoint& endpoint() const { return listener_.endpoint(); }
  int connections() const { return connections_; }
  int requests() const { return requests_; }

 private:
  void serve();

  const std::string body_;
  Upstream listener_;
  int wake_[2];
  std::atomic<int> connections_{0}, requests_{0};
  std::thread thread_;
};

// An address that refuses connections and belongs to nobody else meanwhile.
class Refusing {
 public:
  Refusing();
  ~Refusing();
  Refusing(const Refusing&) = delete;
  Refusing& operator=(const Refusing&) = delete;
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  int descriptor_;
  Endpoint endpoint_;
};

}  // namespace gatehouse
