// Solvers that answer on the loopback, where pebble looks.
#pragma once

#include "acme/challenge.h"
#include "proxy/http/fetch.h"
#include "tls/challenge_board.h"
#include "tls/server_context.h"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::acme {

// What was presented and not cleaned up yet.
class CountingSolver : public Solver {
 public:
  Awaitable<Result<void>> present(Challenge challenge) final;
  Awaitable<Result<void>> clean_up(Challenge challenge) final;

  std::size_t shown() const { return shown_.size(); }
  std::size_t presented_in_all() const { return presented_; }
  std::size_t shown_at_once() const { return most_; }

 protected:
  virtual Awaitable<Result<void>> show(Challenge challenge) = 0;
  virtual Awaitable<Result<void>> hide(Challenge challenge) = 0;

 private:
  std::multiset<std::string> shown_;
  std::size_t presented_ = 0, most_ = 0;
};

// A web server on that port, for nothing but challenges.
class HttpSolver final : public CountingSolver {
 public:
  HttpSolver(asio::io_context& io, std::uint16_t port);
  std::string_view type() const override { return "http-01"; }
  // Answers this instead of the right thing; empty: the right thing.
  void lie(std::string answer) { lie_ = std::move(answer); }

 private:
  Awaitable<Result<void>> show(Challenge challenge) override;
  Awaitable<Result<void>> hide(Challenge challenge) override;
  Awaitable<void> serve();
  Awaitable<void> answer(asio::ip::tcp::socket socket);

  asio::ip::tcp::acceptor acceptor_;
  std::map<std::string, std::string> answers_;  // by path
  std::string lie_;
};

// TLS on that port, as our entry points speak it.
class AlpnSolver final : public CountingSolver {
 public:
  AlpnSolver(asio::io_context& io, std::uint16_t port);
  std::string_view type() const override { return "tls-alpn-01"; }

 private:
  Awaitable<Result<void>> show(Challenge challenge) override;
  Awaitable<Result<void>> hide(Challenge challenge) override;
  Awaitable<void> serve();
  Awaitable<void> answer(asio::ip::tcp::socket socket);
  void publish();

  asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::vector<tls::ChallengeBoard::TlsAnswer> answers_;
  std::shared_ptr<const tls::ChallengeBoard> board_;
};

// Texts in pebble-challtestsrv.
class ServedDnsSolver final : public CountingSolver {
 public:
  ServedDnsSolver(Fetcher& fetcher, std::string management_url) : fetcher_(fetcher), url_(std::move(management_url)) {}
  std::string_view type() const override { return "dns-01"; }

 private:
  Awaitable<Result<void>> show(Challenge challenge) override;
  Awaitable<Result<void>> hide(Challenge challenge) override;
  Awaitable<Result<void>> ask(std::string path, std::string body);

  Fetcher& fetcher_;
  const std::string url_;
};

}  // namespace gatehouse::acme
