#include "acme/board.h"

#include <algorithm>

namespace gatehouse::acme {

void Board::add(HttpAnswer answer) {
  http_.push_back(std::move(answer));
  publish();
}

void Board::add(TlsAnswer answer) {
  tls_.push_back(std::move(answer));
  publish();
}

void Board::remove_http(const HostName& host, const std::string& token) {
  const auto gone =
      std::erase_if(http_, [&](const HttpAnswer& answer) { return answer.host == host && answer.token == token; });
  if (gone > 0) publish();
}

void Board::remove_tls(const HostName& host) {
  const auto gone = std::erase_if(tls_, [&](const TlsAnswer& answer) { return answer.host == host; });
  if (gone > 0) publish();
}

Awaitable<Result<void>> HttpBoardSolver::present(Challenge challenge) {
  board_->add(
      Board::HttpAnswer{std::move(challenge.host), std::move(challenge.token), std::move(challenge.key_authorization)});
  co_return Result<void>();
}

Awaitable<Result<void>> HttpBoardSolver::clean_up(Challenge challenge) {
  board_->remove_http(challenge.host, challenge.token);
  co_return Result<void>();
}

Awaitable<Result<void>> AlpnBoardSolver::present(Challenge challenge) {
  auto certificate = tls::make_challenge_certificate(challenge.host, challenge.key_authorization, clock_.wall_now());
  if (!certificate) co_return certificate.error();
  board_->add(Board::TlsAnswer{std::move(challenge.host), std::move(*certificate)});
  co_return Result<void>();
}

Awaitable<Result<void>> AlpnBoardSolver::clean_up(Challenge challenge) {
  board_->remove_tls(challenge.host);
  co_return Result<void>();
}

}  // namespace gatehouse::acme
