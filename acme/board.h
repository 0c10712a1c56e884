// The answers to all challenges that are pending here, whichever order they belong to, and the solvers for HTTP-01 and
// TLS-ALPN-01 that write them there. At each change the whole board is handed out, to be published to the workers.
#pragma once

#include "acme/challenge.h"
#include "acme/records.h"
#include "base/clock.h"
#include "tls/challenge_board.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::acme {

// Control thread.
class Board {
 public:
  using HttpAnswer = tls::ChallengeBoard::HttpAnswer;
  using TlsAnswer = tls::ChallengeBoard::TlsAnswer;
  using Publish = std::function<void(std::shared_ptr<const tls::ChallengeBoard>)>;

  // `publish` returns when the answers are live, or are on their way and arrive before any connection made after.
  explicit Board(Publish publish) : publish_(std::move(publish)) {}

  void add(HttpAnswer answer);
  void add(TlsAnswer answer);
  // What storages hold, besides: of orders that were begun before the start, or that another replica is at. Replaces
  // those shown so before.
  void show_kept(const std::vector<PendingAnswer>& answers, WallTime now);
  // One that is not there is no matter.
  void remove_http(const HostName& host, const std::string& token);
  void remove_tls(const HostName& host);

 private:
  void publish();

  Publish publish_;
  std::vector<HttpAnswer> http_;
  std::vector<TlsAnswer> tls_;
  std::vector<PendingAnswer> kept_;
  std::map<std::string, TlsAnswer> kept_tls_;  // by key authorization
};

// RFC 8555 §8.3.
class HttpBoardSolver final : public Solver {
 public:
  explicit HttpBoardSolver(std::shared_ptr<Board> board) : board_(std::move(board)) {}
  std::string_view type() const override { return "http-01"; }
  Awaitable<Result<void>> present(Challenge challenge) override;
  Awaitable<Result<void>> clean_up(Challenge challenge) override;

 private:
  std::shared_ptr<Board> board_;
};

// RFC 8737. One challenge a host at a time.
class AlpnBoardSolver final : public Solver {
 public:
  AlpnBoardSolver(std::shared_ptr<Board> board, Clock& clock) : board_(std::move(board)), clock_(clock) {}
  std::string_view type() const override { return "tls-alpn-01"; }
  Awaitable<Result<void>> present(Challenge challenge) override;
  Awaitable<Result<void>> clean_up(Challenge challenge) override;

 private:
  std::shared_ptr<Board> board_;
  Clock& clock_;
};

}  // namespace gatehouse::acme
