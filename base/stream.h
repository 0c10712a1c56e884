// Stream: a connected byte stream, plain or TLS, as the data path sees it. One coroutine may read while another
// writes; two may not do the same at once. All of it happens on the worker that owns the connection.
//
// Most reads and writes need not wait, and a coroutine that is not needed costs more than the bookkeeping of its call:
// so there are the calls that never wait (read_now, write_now), the waits, and the coroutines made of both.
#pragma once

#include "base/asio.h"
#include "base/result.h"

#include <boost/asio/error.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse {

class Stream {
 public:
  virtual ~Stream() = default;

  // Reads at least one byte into `buffer` (not empty); 0 is the peer's clean end; would_block: wait_readable() first.
  // Says would_block now and then although something is there, so that a peer that is always ready does not keep the
  // worker from its other connections.
  virtual IoResult<std::size_t> read_now(asio::mutable_buffer buffer) = 0;
  // Takes off `buffers` what has been written (their array changes). True: all of it is out, or `error` says why it
  // cannot be; false: wait_writable(), then again with what is left, even when that is nothing.
  virtual bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) = 0;

  // Returns when read_now would find something (or an end, or an error), or a little early: what an idle connection
  // waits on, without holding a buffer.
  virtual Awaitable<error_code> wait_readable() = 0;
  virtual Awaitable<error_code> wait_writable() = 0;

  // The same until there is something. Where nothing can be there yet, wait_readable() first saves a system call.
  Awaitable<IoResult<std::size_t>> read_some(asio::mutable_buffer buffer);
  // Writes all bytes of all buffers, which stay the caller's until it returns; their array changes.
  Awaitable<error_code> write(std::span<asio::const_buffer> buffers);

  // Tells the peer that nothing more comes (FIN; for TLS close_notify first). Reading goes on.
  virtual Awaitable<void> shutdown_write() = 0;

  // Ends everything at once; pending operations return operation_aborted. May be called from anywhere on the
  // worker's thread and more than once.
  virtual void close() = 0;

  // Sends a reset instead of a clean end when closed, so the peer cannot mistake a broken answer for a whole one.
  virtual void abort() = 0;

  // Whether an idle stream still looks alive: false as soon as the peer sent anything or closed. One system call.
  virtual bool idle_and_open() = 0;

  // The peer has closed or reset its side, seen without taking anything of what there is to read. One or two system
  // calls; for slow checks only.
  virtual bool peer_gone() = 0;

  // The bare socket when no layer lies between it and the bytes (relays may splice), else null.
  virtual Socket* plain_socket() = 0;
};

// The plain-socket Stream. Bytes read too far by whoever looked at the first ones can be put back.
class PlainStream final : public Stream {
 public:
  explicit PlainStream(Socket socket);

  IoResult<std::size_t> read_now(asio::mutable_buffer buffer) override;
  bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) override;
  Awaitable<error_code> wait_readable() override;
  Awaitable<error_code> wait_writable() override;
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

  // True every so many reads, which then let other connections run first: read_now says would_block, and the next
  // wait_readable waits its turn. Layers above count theirs here too.
  bool must_yield() { return yielding_ = ++unyielded_ % 64 == 0; }
  bool take_yield() { return std::exchange(yielding_, false); }
  // Lets others run first. operation_aborted: wake() was called meanwhile.
  Awaitable<error_code> give_way();

  // Ends what waits with operation_aborted, though it only gives way; what waits later is not concerned.
  void wake();

 private:
  Socket socket_;
  std::string unread_;
  std::uint8_t unyielded_ = 0;
  bool yielding_ = false, woken_ = false;
};

inline asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

inline bool would_block(const error_code& error) { return error == asio::error::would_block; }

}  // namespace gatehouse
