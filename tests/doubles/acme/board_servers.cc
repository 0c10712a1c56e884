#include "tests/doubles/acme/board_servers.h"

#include "tls/handshake.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace gatehouse::acme {
namespace {

asio::ip::tcp::endpoint loopback(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

// The host of `Host: a.test:5002`.
std::string host_in(const std::string& head) {
  const auto at = head.find("Host: ") + 6;
  return head.substr(at, head.find_first_of(":\r", at) - at);
}

}  // namespace

BoardServers::BoardServers(asio::io_context& io, std::uint16_t http_port, std::uint16_t tls_port)
    : http_(io, loopback(http_port)),
      tls_(io, loopback(tls_port)),
      context_(tls::make_server_context({}, nullptr).value()) {
  asio::co_spawn(io, serve_http(), asio::detached);
  asio::co_spawn(io, serve_tls(), asio::detached);
}

Awaitable<void> BoardServers::serve_http() {
  while (true) {
    error_code error;
    auto socket = co_await http_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    asio::co_spawn(http_.get_executor(), answer_http(std::move(socket)), asio::detached);
  }
}

Awaitable<void> BoardServers::serve_tls() {
  while (true) {
    error_code error;
    auto socket = co_await tls_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    asio::co_spawn(tls_.get_executor(), answer_tls(std::move(socket)), asio::detached);
  }
}

Awaitable<void> BoardServers::answer_http(asio::ip::tcp::socket socket) {
  std::string head;
  error_code error;
  co_await asio::async_read_until(socket, asio::dynamic_buffer(head, 16384), "\r\n\r\n",
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  const std::string* known = board_->http_answer_to_path(host_in(head), head.substr(4, head.find(' ', 4) - 4));
  if (known != nullptr) ++answered_;
  const std::string body = known != nullptr ? *known : "";
  const std::string text = std::string(known != nullptr ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
                           "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                           body;
  co_await asio::async_write(socket, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
}

Awaitable<void> BoardServers::answer_tls(asio::ip::tcp::socket socket) {
  socket.non_blocking(true);
  PlainStream plain{Socket(std::move(socket))};
  tls::ChooseCertificate nobody = [](std::string_view) { return tls::CertificatePtr(); };
  const auto board = board_;
  auto accepted = co_await tls::accept_tls(plain, context_, std::move(nobody), board);
  if (!accepted) co_return;
  ++answered_;
  co_await accepted->stream->shutdown_write();
}

}  // namespace gatehouse::acme
