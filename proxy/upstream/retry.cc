#include "proxy/upstream/retry.h"

namespace gatehouse {
namespace {

constexpr std::uint16_t most_attempts = 4;

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE" ||
         method == "TRACE" || method == "PROPFIND" || method == "REPORT";
}

}  // namespace

void RetryState::failed_to_connect(Failure failure) {
  ++attempts;
  stale_connection = false;
  last_failure = std::move(failure);
}

void RetryState::failed_unprocessed(Failure failure, bool leaving, bool lost) {
  ++attempts;
  // An endpoint that is there and refuses has enough to do: it is asked once more and not again and again.
  stale_connection = leaving || attempts == 1;
  body_lost = body_lost || lost;
  last_failure = std::move(failure);
}

void RetryState::failed_after_sending(Failure failure, bool reused, bool lost) {
  ++attempts;
  stale_connection = reused && failure.kind == FailureKind::upstream_closed;
  sent = true;
  body_lost = body_lost || lost;
  last_failure = std::move(failure);
}

bool may_retry(const RetryState& state, const RequestHead& request, bool answer_begun) {
  if (answer_begun || state.body_lost || state.attempts >= most_attempts) return false;
  if (!row(state.last_failure->kind).another_may_succeed) return false;
  return !state.sent || is_idempotent(request.method);
}

}  // namespace gatehouse
