// Both ends of one connection inside a test, and the running of what is said over it.
#pragma once

#include "base/stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace gatehouse {

struct ConnectedStreams {
  std::unique_ptr<PlainStream> ours, theirs;
};

inline ConnectedStreams connect_locally(asio::io_context& io) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("no socket pair");
  const asio::generic::stream_protocol protocol(AF_UNIX, 0);
  return {std::make_unique<PlainStream>(Socket(io, protocol, ends[0])),
          std::make_unique<PlainStream>(Socket(io, protocol, ends[1]))};
}

// Over TCP on the loopback, for what only TCP has. `buffer_bytes`: asked of the kernel for each direction.
inline ConnectedStreams connect_by_tcp(asio::io_context& io, int buffer_bytes) {
  using asio::ip::tcp;
  tcp::acceptor acceptor(io, tcp::v4());
  acceptor.set_option(asio::socket_base::receive_buffer_size(buffer_bytes));
  acceptor.bind({asio::ip::address_v4::loopback(), 0});
  acceptor.listen();
  tcp::socket ours(io, tcp::v4());
  ours.set_option(asio::socket_base::send_buffer_size(buffer_bytes));
  ours.connect(acceptor.local_endpoint());
  tcp::socket theirs = acceptor.accept();
  return {std::make_unique<PlainStream>(Socket(std::move(ours))),
          std::make_unique<PlainStream>(Socket(std::move(theirs)))};
}

// Starts all of them, returns when all have ended; what one throws is thrown.
template <class... Awaitables>
void run_together(asio::io_context& io, Awaitables... all) {
  std::exception_ptr thrown;
  const auto ended = [&thrown](std::exception_ptr error) {
    if (error && !thrown) thrown = error;
  };
  (asio::co_spawn(io, std::move(all), ended), ...);
  io.restart();
  io.run();
  if (thrown) std::rethrow_exception(thrown);
}

// Lets every other coroutine go on until it waits.
inline Awaitable<void> let_others_run() {
  for (int turn = 0; turn < 8; ++turn) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

inline Awaitable<error_code> write_text(Stream& stream, std::string text) {
  asio::const_buffer buffer = asio::buffer(text);
  co_return co_await stream.write(std::span(&buffer, 1));
}

// `text` in pieces of 1 to `largest` bytes, each given time to be read alone; then the end of the stream.
inline Awaitable<void> write_in_pieces(Stream& stream, std::string text, std::size_t largest, unsigned seed) {
  for (std::size_t at = 0; at < text.size();) {
    seed = seed * 1664525 + 1013904223;
    const std::size_t size = std::min(text.size() - at, 1 + (seed >> 8) % largest);
    std::string piece = text.substr(at, size);
    if (co_await write_text(stream, std::move(piece))) co_return;
    at += size;
    co_await let_others_run();
  }
  co_await stream.shutdown_write();
}

// Everything up to the end of the stream, or to an error.
inline Awaitable<void> read_all(Stream& stream, std::string& text) {
  char bytes[4096];
  while (true) {
    const auto read = co_await stream.read_some(asio::buffer(bytes));
    if (!read || *read == 0) co_return;
    text.append(bytes, *read);
  }
}

// Bytes that differ from place to place.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

}  // namespace gatehouse
