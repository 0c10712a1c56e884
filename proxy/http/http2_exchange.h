// One stream of an HTTP/2 client connection as an exchange.
//
// A body arrives into memory, at most a window full, and the client may send more as it is pulled: the window is the
// back pressure. An answer is taken by the client's windows, then by the socket.
#pragma once

#include "proxy/http/exchange.h"
#include "proxy/http/http2_flow.h"
#include "proxy/http/http2_head.h"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace gatehouse {

class Http2Connection;

class Http2Exchange final : public Exchange, private Http2Flow {
 public:
  Http2Exchange(Http2Connection& connection, StreamId stream);
  ~Http2Exchange() override;

  const RequestHead& request() const override { return request_; }
  const Origin& origin() const override { return origin_; }
  Awaitable<Result<BodyPiece>> next_piece() override;
  Result<std::optional<BodyPiece>> piece_now() override;
  bool body_ended() const override { return in_.ended(); }
  const std::vector<HeaderField>& request_trailers() const override { return in_.trailers(); }
  void stop_body() override;
  void drop_body() override;
  Awaitable<Result<void>> send_interim(const ResponseHead& head) override;
  Awaitable<Result<void>> send_head(const ResponseHead& head, BodyPiece first, const std::vector<HeaderField>& trailers,
                                    std::string_view set_cookie) override;
  Awaitable<Result<void>> send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) override;
  Awaitable<Result<void>> respond(std::uint16_t status, std::vector<HeaderField> fields,
                                  std::string_view body) override;
  bool answer_begun() const override { return begun_; }
  void end_connection() override {}  // one bad request says nothing about the other streams
  void break_off() override;
  void when_gone(std::function<void()> told) override;
  bool awaits_tunnel() override { return !failure_ && !in_.at_hand(); }
  Stream& tunnel() override { return *tunnel_; }

  // How reading the head went; a request that was refused has only what could be read of it.
  const Result<void>& head() const { return head_result_; }
  std::uint64_t body_received() const { return received_; }
  // Views into `origin` and `date` as long as the exchange lasts.
  void set_origin(Origin origin, std::string_view date) { origin_ = origin, date_ = date; }

 private:
  friend class Http2Connection;

  void finish_head(bool last);
  void forget_request() { head_.drop(), request_ = {}; }
  void finish_trailers();
  void arrive(std::string_view bytes);
  // Nothing of it is left to be said.
  bool whole() const { return tunnel_ ? over() : out_.end_put(); }
  // The client is here no more.
  void leave(Failure why);
  // Its stream has ended; of a whole answer, that says nothing else.
  void close_stream();
  void part(Failure why);
  Http2Outgoing outgoing(std::span<char> room);
  void flush_soon() override;
  void give_back(std::size_t bytes) override;
  void stall() override;
  void stall_receiving();
  void limit_receiving();
  void answer_begins();
  Result<void> grant_tunnel(const ResponseHead& head);

  Http2Connection& connection_;
  Http2RequestHead head_;
  bool head_done_ = false;
  Result<void> head_result_;
  RequestHead request_;
  Origin origin_;
  std::string_view date_;

  std::uint64_t received_ = 0;
  bool stopped_ = false, stalled_ = false, pulling_ = false;
  bool waits_for_continue_ = false;  // neither the 100 nor a part of its body has come
  bool serving_ = false, begun_ = false;
  std::function<void()> tell_gone_;
  Timer<Http2Exchange> receiving_;
};

}  // namespace gatehouse
