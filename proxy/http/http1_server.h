// HTTP/1 towards clients: one request read and its answer written. The keep-alive loop around it (RFC 9112 §9.3) is
// in proxy/http1_loop, which knows the connection.
#pragma once

#include "base/deadline.h"
#include "proxy/http/client_watch.h"
#include "proxy/http/exchange.h"
#include "proxy/http/http1_parser.h"
#include "proxy/http/inbox.h"

#include <optional>
#include <string>

namespace gatehouse {

// What an HTTP/1 exchange needs of its connection. Everything outlives the exchange.
struct Http1Link {
  Stream& stream;
  PlainStream& plain;
  Inbox& inbox;
  Deadline& reading;
  StallLimit& writing;
  Deadlines& deadlines;
  Departures& departures;
  Duration body_idle, write_idle;
  const bool* draining = nullptr;  // once true, an answer is the last of its connection
};

// Reads one request head into `request`; its bytes stay in the inbox until Inbox::release_head(). `limit`: from now to
// the end of the head. Nothing: the client closed without a request.
Awaitable<Result<bool>> read_request_head(Http1Link link, Duration limit, std::size_t head_bytes,
                                          const HeadLimits& limits, RequestHead& request);

class Http1Exchange final : public Exchange {
 public:
  // `may_continue`: whether the connection may serve another request after this one.
  Http1Exchange(Http1Link link, const RequestHead& request, Origin origin, std::string_view date, bool may_continue);

  const RequestHead& request() const override { return request_; }
  const Origin& origin() const override { return origin_; }
  Awaitable<Result<BodyPiece>> next_piece() override;
  Result<std::optional<BodyPiece>> piece_now() override;
  bool body_ended() const override { return body_.ended(); }
  const std::vector<HeaderField>& request_trailers() const override { return body_.trailers(); }
  void stop_body() override;
  Awaitable<Result<void>> send_interim(const ResponseHead& head) override;
  Awaitable<Result<void>> send_head(const ResponseHead& head, BodyPiece first, const std::vector<HeaderField>& trailers,
                                    std::string_view set_cookie) override;
  Awaitable<Result<void>> send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) override;
  Awaitable<Result<void>> respond(std::uint16_t status, std::vector<HeaderField> fields,
                                  std::string_view body) override;
  bool answer_begun() const override { return begun_; }
  void end_connection() override { close_ = true; }
  void break_off() override;
  void when_gone(std::function<void()> told) override { watch_.tell(std::move(told)); }
  bool awaits_tunnel() override { return link_.inbox.unread().empty() && link_.stream.idle_and_open(); }
  Stream& tunnel() override;

  // The answer is complete and the next request may follow on this connection.
  bool reusable() const { return complete_ && !close_ && body_.ended(); }
  // The answer is complete but the client may still be sending: it must be let finish before the close.
  bool must_linger() const { return complete_ && !body_.ended(); }
  std::uint64_t body_received() const { return body_.received(); }

 private:
  Awaitable<Result<void>> write(std::span<asio::const_buffer> buffers);
  Awaitable<Result<void>> write_piece(std::string_view head, BodyPiece piece, const std::vector<HeaderField>& trailers);

  Http1Link link_;
  const RequestHead& request_;
  Origin origin_;
  std::string_view date_;
  Http1Body body_;
  ClientWatch watch_;
  bool stopped_ = false;
  bool begun_ = false, complete_ = false;
  bool close_;
  BodyKind answer_body_ = BodyKind::none;  // how the answer's body is framed to the client
  std::string head_text_;  // the answer's head as it goes out
};

// Reads and drops what the client still sends so that it gets to read the answer instead of a reset: until it closes,
// 5 s of silence, or 30 s in all (RFC 9112 §9.6).
Awaitable<void> linger(Http1Link link, Clock& clock);

}  // namespace gatehouse
