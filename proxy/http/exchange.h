// Exchange: one request and its answer, whatever the HTTP version. ★ The version's server loop implements it, forward
// drives it. All operations belong to one worker; one coroutine may pull the request's body while another sends the
// answer.
#pragma once

#include "proxy/http/body.h"
#include "proxy/http/header_rules.h"
#include "proxy/http/message.h"

#include <functional>
#include <optional>
#include <vector>

namespace gatehouse {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // Valid for the whole exchange.
  virtual const RequestHead& request() const = 0;
  virtual const Origin& origin() const = 0;

  // The request's body, piece by piece; a piece is valid until the next pull. next_piece ends with client_gone or
  // body_stalled when the client fails, and with client_gone after stop_body().
  virtual Awaitable<Result<BodyPiece>> next_piece() = 0;
  virtual Result<std::optional<BodyPiece>> piece_now() = 0;
  virtual bool body_ended() const = 0;
  virtual const std::vector<HeaderField>& request_trailers() const = 0;
  // Nobody will pull again: ends a pull that waits.
  virtual void stop_body() = 0;
  // Nobody will, and nobody waits: what still comes need not be kept.
  virtual void drop_body() {}

  // A 1xx on the way; ignored for clients that do not know them.
  virtual Awaitable<Result<void>> send_interim(const ResponseHead& head) = 0;
  // The head of the one final answer, with as much of the body as is at hand. `set_cookie` may be empty.
  virtual Awaitable<Result<void>> send_head(const ResponseHead& head, BodyPiece first,
                                            const std::vector<HeaderField>& trailers, std::string_view set_cookie) = 0;
  // More of the body. Trailers count with the last piece.
  virtual Awaitable<Result<void>> send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) = 0;
  // An answer made here: head and whole body.
  virtual Awaitable<Result<void>> respond(std::uint16_t status, std::vector<HeaderField> fields,
                                          std::string_view body) = 0;

  virtual bool answer_begun() const = 0;
  // The answer will be the last on this connection.
  virtual void end_connection() = 0;
  // The answer cannot be completed: the client must see that it is broken.
  virtual void break_off() = 0;
  // `told` is called as soon as the client is seen to have left without waiting for the end of the answer, at most
  // once; empty: no longer. What reads from the client or writes to it meanwhile may see that first, and fails.
  virtual void when_gone(std::function<void()> told) = 0;

  // Before a 101: the client waits for it. What it has sent already could be no part of the tunnel.
  virtual bool awaits_tunnel() = 0;
  // After the 101 has been sent: the stream to relay.
  virtual Stream& tunnel() = 0;
};

}  // namespace gatehouse
