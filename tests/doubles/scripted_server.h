// An HTTP server that says exactly what the test tells it to, byte for byte, over TLS or not.
#pragma once

#include "tests/doubles/connected_streams.h"
#include "tls/handshake.h"
#include "tls/server_context.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse {

// Serves each connection in order: reads a request, gives the next answer, closes when it has none left or when the
// answer is followed by `close`.
class ScriptedServer {
  using tcp = asio::ip::tcp;

 public:
  struct Answer {
    std::string text;
    bool close = false;
  };

  explicit ScriptedServer(asio::io_context& io, std::shared_ptr<const tls::ServerContext> tls = nullptr,
                          tls::CertificatePtr certificate = nullptr,
                          asio::ip::address address = asio::ip::address_v4::loopback())
      : acceptor_(io, tcp::endpoint(address, 0)), tls_(tls), certificate_(certificate) {
    asio::co_spawn(io, serve(), asio::detached);
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port()) + path; }
  void stop() { acceptor_.close(); }
  void show(tls::CertificatePtr certificate) { certificate_ = std::move(certificate); }

  std::vector<Answer> answers;
  std::vector<std::string> requests;
  int connections = 0;
  std::function<void()> instead_of_answering;  // it never answers then

 private:
  Awaitable<void> serve() {
    while (true) {
      error_code error;
      auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      ++connections;
      asio::co_spawn(acceptor_.get_executor(), talk(std::move(socket)), asio::detached);
    }
  }

  Awaitable<void> talk(tcp::socket socket) {
    socket.non_blocking(true);
    PlainStream plain{Socket(std::move(socket))};
    if (!tls_) co_return co_await answer_all(plain);
    tls::ChooseCertificate choose = [this](std::string_view) { return certificate_; };
    auto accepted = co_await tls::accept_tls(plain, tls_, std::move(choose));
    if (accepted) co_await answer_all(*accepted->stream);
  }

  Awaitable<void> answer_all(Stream& stream) {
    while (true) {
      std::string request;
      auto whole = co_await read_request(stream, request);
      if (!whole) co_return;
      requests.push_back(request);
      if (instead_of_answering) {
        instead_of_answering();
        co_await stream.wait_readable();
      }
      if (answers.empty()) co_return;
      const Answer answer = answers.front();
      answers.erase(answers.begin());
      co_await write_text(stream, answer.text);
      if (answer.close) co_return;
    }
  }

  static Awaitable<bool> read_request(Stream& stream, std::string& text) {
    char bytes[4096];
    while (!is_whole(text)) {
      const auto read = co_await stream.read_some(asio::buffer(bytes));
      if (!read || *read == 0) co_return false;
      text.append(bytes, *read);
    }
    co_return true;
  }

  static bool is_whole(const std::string& text) {
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const auto length = text.find("Content-Length: ");
    const std::size_t body = length == std::string::npos ? 0 : std::stoul(text.substr(length + 16));
    return text.size() >= end + 4 + body;
  }

  tcp::acceptor acceptor_;
  std::shared_ptr<const tls::ServerContext> tls_;
  tls::CertificatePtr certificate_;
};

}  // namespace gatehouse
