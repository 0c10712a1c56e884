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

void Board::show_kept(const std::vector<PendingAnswer>& answers, WallTime now) {
  if (answers == kept_) return;
  std::map<std::string, TlsAnswer> tls;
  for (const PendingAnswer& answer : answers) {
    if (answer.type != "tls-alpn-01") continue;
    const auto before = kept_tls_.find(answer.key_authorization);
    if (before != kept_tls_.end() && before->second.host == answer.host) {
      tls.insert(*before);
      continue;
    }
    auto certificate = tls::make_challenge_certificate(answer.host, answer.key_authorization, now);
    if (certificate) tls.insert_or_assign(answer.key_authorization, TlsAnswer{answer.host, std::move(*certificate)});
  }
  kept_ = answers;
  kept_tls_ = std::move(tls);
  publish();
}

// Of two for one host the first counts: what solvers show is newer than what is kept.
void Board::publish() {
  std::vector<HttpAnswer> http = http_;
  for (const PendingAnswer& answer : kept_)
    if (answer.type == "http-01") http.push_back({answer.host, answer.token, answer.key_authorization});
  std::vector<TlsAnswer> tls = tls_;
  for (const auto& [authorization, answer] : kept_tls_) tls.push_back(answer);
  publish_(std::make_shared<const tls::ChallengeBoard>(std::move(http), std::move(tls)));
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
