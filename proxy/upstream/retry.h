// May this attempt be repeated? Pure. A request is sent again only while nothing of an answer has gone to the client
// and repeating cannot do anything twice (RFC 9110 §9.2.2).
#pragma once

#include "base/failure.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <optional>

namespace gatehouse {

struct RetryState {
  std::optional<Failure> last_failure;
  std::uint16_t attempts = 0;
  bool sent = false;              // the upstream may have seen the request
  bool body_lost = false;         // body bytes were passed on that are no longer at hand
  bool stale_connection = false;  // the failed attempt used a pooled connection that had been closed

  void failed_to_connect(Failure failure);
  // The upstream has said that it has done nothing about the request (RFC 9113 §8.7). `leaving`: because it ends the
  // connection, so that another to the same endpoint may do; else the same endpoint is asked once more at most.
  void failed_unprocessed(Failure failure, bool leaving, bool lost);
  void failed_after_sending(Failure failure, bool reused, bool lost);
};

bool may_retry(const RetryState& state, const RequestHead& request, bool answer_begun);

}  // namespace gatehouse
