// A message body as it comes in over HTTP/1: pull the next piece; not asking is the back pressure.
#pragma once

#include "base/deadline.h"
#include "base/result.h"
#include "proxy/http/chunked.h"
#include "proxy/http/inbox.h"
#include "proxy/http/message.h"

#include <optional>
#include <string_view>
#include <vector>

namespace gatehouse {

struct BodyPiece {
  std::string_view bytes;  // valid until the next pull
  bool last = false;       // nothing follows; `bytes` may be empty then
};

// How reading a body can fail, in the words of the side it comes from.
struct BodyFailures {
  FailureKind malformed, stalled, broken_off;
};
inline constexpr BodyFailures request_body_failures{FailureKind::bad_request, FailureKind::body_stalled,
                                                    FailureKind::client_gone};
inline constexpr BodyFailures response_body_failures{FailureKind::bad_answer, FailureKind::answer_timeout,
                                                     FailureKind::answer_truncated};

class Http1Body {
 public:
  // `inbox` and `deadline` outlive the body. `idle`: limit on waiting for each next byte.
  Http1Body(Inbox& inbox, Deadline& deadline, BodyFraming framing, Duration idle, const BodyFailures& failures);

  // The next piece. Waits only when nothing has been read already.
  Awaitable<Result<BodyPiece>> next();

  // The next piece if it is here without waiting: then a head and its whole body go out in one write.
  Result<std::optional<BodyPiece>> next_now();

  // Another limit on waiting, from the next pull on. Zero: none.
  void set_idle(Duration idle) { idle_ = idle; }

  bool ended() const { return ended_; }
  std::uint64_t received() const { return received_; }
  const std::vector<HeaderField>& trailers() const { return chunks_.trailers(); }

 private:
  Result<BodyPiece> take_length();
  Result<BodyPiece> take_chunked();
  Result<BodyPiece> take();
  BodyPiece piece(std::string_view bytes, bool last);
  std::uint64_t expected() const;

  Inbox& inbox_;
  Deadline& deadline_;
  BodyFraming framing_;
  Duration idle_;
  const BodyFailures& failures_;
  std::uint64_t left_;
  std::uint64_t received_ = 0;
  bool ended_;
  ChunkedDecoder chunks_;
};

}  // namespace gatehouse
