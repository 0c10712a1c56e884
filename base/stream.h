// Stream: a connected byte stream, plain or TLS, as the data path sees it. One coroutine may read while another
// writes; two may not do the same at once. All of it happens on the worker that owns the connection.
#pragma once

#include "base/asio.h"
#include "base/result.h"

#include <memory>
#include <span>
#include <string>

namespace gatehouse {

class Stream {
 public:
  virtual ~Stream() = default;

  // Reads at least one byte into `buffer` (not empty); 0 is the peer's clean end. Tries at once, then waits: where
  // nothing can be there yet, wait_readable() first saves a system call.
  virtual Awaitable<IoResult<std::size_t>> read_some(asio::mutable_buffer buffer) = 0;

  // Returns when read_some would find something (or an end, or an error) without holding a buffer meanwhile:
  // what an idle connection waits on.
  virtual Awaitable<error_code> wait_readable() = 0;

  // Writes all bytes of all buffers. The buffers (and the array of them) stay the caller's until it returns.
  virtual Awaitable<error_code> write(std::span<const asio::const_buffer> buffers) = 0;

  // Tells the peer that nothing more comes (FIN; for TLS close_notify first). Reading goes on.
  virtual Awaitable<void> shutdown_write() = 0;

  // Ends everything at once; pending operations return operation_aborted. May be called from anywhere on the
  // worker's thread and more than once.
  virtual void close() = 0;

  // Sends a reset instead of a clean end when closed, so the peer cannot mistake a broken answer for a whole one.
  virtual void abort() = 0;

  // Whether an idle stream still looks alive: false as soon as the peer sent anything or closed. One system call.
  virtual bool idle_and_open() = 0;

  // The peer has closed or reset its side, seen without reading. One system call; for slow checks only.
  virtual bool peer_gone() = 0;

  // The bare socket when no layer lies between it and the bytes (relays may splice), else null.
  virtual Socket* plain_socket() = 0;
};

// The plain-socket Stream. Bytes read too far by whoever looked at the first ones can be put back.
class PlainStream final : public Stream {
 public:
  explicit PlainStream(Socket socket);

  Awaitable<IoResult<std::size_t>> read_some(asio::mutable_buffer buffer) override;
  Awaitable<error_code> wait_readable() override;
  Awaitable<error_code> write(std::span<const asio::const_buffer> buffers) override;
  Awaitable<void> shutdown_write() override;
  void close() override;
  void abort() override;
  bool idle_and_open() override;
  bool peer_gone() override;
  Socket* plain_socket() override { return unread_.empty() ? &socket_ : nullptr; }

  // The next reads return these bytes before anything from the socket.
  void unread(std::string_view bytes);
  // Takes the bytes put back and not read again yet: for a layer (TLS) that reads the socket by itself.
  std::string take_unread();
  Socket& socket() { return socket_; }

  // A peer that is always ready must not keep the worker from its other connections: true every so many operations,
  // which then let the others run first. Layers above count theirs here too.
  bool must_yield() { return ++unyielded_ % 64 == 0; }

 private:
  Socket socket_;
  std::string unread_;
  std::uint8_t unyielded_ = 0;
};

}  // namespace gatehouse
