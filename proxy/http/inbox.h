// Inbox: what has been read from a stream and not been consumed yet. Holds no memory while it is empty and idle.
//
// A head is gathered at the start of one block and stays there, because the values parsed from it are views; the
// body that follows is read behind it or, when more is coming, into a block of its own.
#pragma once

#include "base/buffers.h"
#include "base/stream.h"

#include <string_view>

namespace gatehouse {

class Inbox {
 public:
  Inbox(Stream& stream, Buffers& buffers) : stream_(&stream), buffers_(buffers) {}

  std::string_view unread() const { return {data_ + begin_, end_ - begin_}; }
  void consume(std::size_t n) { begin_ += n; }

  // Reads more behind the unread bytes, which stay in one piece (growing up to `limit` bytes): for heads.
  // 0: the peer's end, or `limit` unread bytes are there already.
  // gather_now: what is there already, else would_block.
  Awaitable<IoResult<std::size_t>> gather(std::size_t limit);
  IoResult<std::size_t> gather_now(std::size_t limit);

  // Consumes the first `n` unread bytes but keeps them where they are until release_head().
  void keep_head(std::size_t n);

  // Reads behind the unread bytes (few: part of a chunk's size line), which may move. `expected`: bytes known to
  // come, for choosing the block.
  Awaitable<IoResult<std::size_t>> refill(std::uint64_t expected);
  IoResult<std::size_t> refill_now(std::uint64_t expected);

  // The head's views are no longer used. Unread bytes (a pipelined request) stay.
  void release_head();

  // Gives the memory back if nothing is unread.
  void release_if_empty();

  // Reads from another layer of the same connection from now on (after a TLS handshake).
  void attach(Stream& stream) { stream_ = &stream; }
  Stream& stream() { return *stream_; }

 private:
  Stream* stream_;
  Buffers& buffers_;
  Buffer head_, bulk_;
  char* data_ = nullptr;  // the block that holds the unread bytes
  std::size_t begin_ = 0, end_ = 0;
  std::size_t floor_ = 0;  // bytes of head_ that views may point into
};

}  // namespace gatehouse
