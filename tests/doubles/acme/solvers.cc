#include "tests/doubles/acme/solvers.h"

#include "base/base64.h"
#include "tls/digest.h"
#include "tls/handshake.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

namespace gatehouse::acme {

Awaitable<Result<void>> CountingSolver::present(Challenge challenge) {
  shown_.insert(challenge.token);
  ++presented_;
  most_ = std::max(most_, shown_.size());
  auto shown = co_await show(std::move(challenge));
  co_return shown;
}

Awaitable<Result<void>> CountingSolver::clean_up(Challenge challenge) {
  const auto found = shown_.find(challenge.token);
  if (found != shown_.end()) shown_.erase(found);
  auto hidden = co_await hide(std::move(challenge));
  co_return hidden;
}

HttpSolver::HttpSolver(asio::io_context& io, std::uint16_t port)
    : acceptor_(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port)) {
  asio::co_spawn(io, serve(), asio::detached);
}

Awaitable<Result<void>> HttpSolver::show(Challenge challenge) {
  answers_["/.well-known/acme-challenge/" + challenge.token] = challenge.key_authorization;
  co_return Result<void>();
}

Awaitable<Result<void>> HttpSolver::hide(Challenge challenge) {
  answers_.erase("/.well-known/acme-challenge/" + challenge.token);
  co_return Result<void>();
}

Awaitable<void> HttpSolver::serve() {
  while (true) {
    error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    asio::co_spawn(acceptor_.get_executor(), answer(std::move(socket)), asio::detached);
  }
}

Awaitable<void> HttpSolver::answer(asio::ip::tcp::socket socket) {
  std::string head;
  error_code error;
  co_await asio::async_read_until(socket, asio::dynamic_buffer(head, 16384), "\r\n\r\n",
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  const std::string path = head.substr(4, head.find(' ', 4) - 4);
  const auto found = answers_.find(path);
  const bool known = found != answers_.end();
  const std::string body = !lie_.empty() ? lie_ : known ? found->second : "";
  const std::string text = std::string(known ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
                           "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                           body;
  co_await asio::async_write(socket, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
}

AlpnSolver::AlpnSolver(asio::io_context& io, std::uint16_t port)
    : acceptor_(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port)),
      context_(tls::make_server_context({}, nullptr).value()) {
  asio::co_spawn(io, serve(), asio::detached);
}

Awaitable<Result<void>> AlpnSolver::show(Challenge challenge) {
  auto made = tls::make_challenge_certificate(challenge.host, challenge.key_authorization, SystemClock().wall_now());
  if (!made) co_return made.error();
  answers_.push_back({challenge.host, *made});
  publish();
  co_return Result<void>();
}

Awaitable<Result<void>> AlpnSolver::hide(Challenge challenge) {
  std::erase_if(answers_, [&](const auto& answer) { return answer.host == challenge.host; });
  publish();
  co_return Result<void>();
}

void AlpnSolver::publish() {
  board_ = std::make_shared<const tls::ChallengeBoard>(std::vector<tls::ChallengeBoard::HttpAnswer>(), answers_);
}

Awaitable<void> AlpnSolver::serve() {
  while (true) {
    error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    asio::co_spawn(acceptor_.get_executor(), answer(std::move(socket)), asio::detached);
  }
}

Awaitable<void> AlpnSolver::answer(asio::ip::tcp::socket socket) {
  socket.non_blocking(true);
  PlainStream plain{Socket(std::move(socket))};
  tls::ChooseCertificate nobody = [](std::string_view) { return tls::CertificatePtr(); };
  auto accepted = co_await tls::accept_tls(plain, context_, std::move(nobody), board_);
  if (accepted) co_await accepted->stream->shutdown_write();
}

Awaitable<Result<void>> ServedDnsSolver::show(Challenge challenge) {
  const std::string value = base64url(tls::digest(tls::Hash::sha256, challenge.key_authorization));
  const boost::json::object body{{"host", "_acme-challenge." + challenge.host.text() + "."}, {"value", value}};
  auto asked = co_await ask("/set-txt", boost::json::serialize(body));
  co_return asked;
}

Awaitable<Result<void>> ServedDnsSolver::hide(Challenge challenge) {
  const boost::json::object body{{"host", "_acme-challenge." + challenge.host.text() + "."}};
  auto asked = co_await ask("/clear-txt", boost::json::serialize(body));
  co_return asked;
}

Awaitable<Result<void>> ServedDnsSolver::ask(std::string path, std::string body) {
  FetchRequest request;
  request.method = "POST";
  request.url = url_ + path;
  request.body = std::move(body);
  request.repeatable = true;
  auto response = co_await fetcher_.fetch(std::move(request));
  if (!response) co_return response.error();
  if (response->status != 200) co_return Failure(FailureKind::bad_answer, response->body);
  co_return Result<void>();
}

}  // namespace gatehouse::acme
