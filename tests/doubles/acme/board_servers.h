// Answers what is on a challenge board, where pebble looks for it.
#pragma once

#include "tls/challenge_board.h"
#include "tls/server_context.h"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>

namespace gatehouse::acme {

class BoardServers {
 public:
  BoardServers(asio::io_context& io, std::uint16_t http_port, std::uint16_t tls_port);

  void show(std::shared_ptr<const tls::ChallengeBoard> board) { board_ = std::move(board); }
  bool shows_nothing() const { return board_->empty(); }
  std::size_t answered() const { return answered_; }

 private:
  Awaitable<void> serve_http();
  Awaitable<void> serve_tls();
  Awaitable<void> answer_http(asio::ip::tcp::socket socket);
  Awaitable<void> answer_tls(asio::ip::tcp::socket socket);

  asio::ip::tcp::acceptor http_, tls_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::shared_ptr<const tls::ChallengeBoard> board_ = std::make_shared<const tls::ChallengeBoard>();
  std::size_t answered_ = 0;
};

}  // namespace gatehouse::acme
