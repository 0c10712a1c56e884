// One stream of an HTTP/2 client connection as an exchange.
//
// A body arrives into memory, at most a window full, and the client may send more as it is pulled: the window is the
// back pressure. An answer is taken by the client's windows, then by the socket.
#pragma once

#include "base/deadline.h"
#include "proxy/http/exchange.h"
#include "proxy/http/http2_codec.h"
#include "proxy/http/http2_head.h"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gatehouse {

class Http2Connection;

class Http2Exchange final : public Exchange {
 public:
  Http2Exchange(Http2Connection& connection, StreamId stream);
  ~Http2Exchange() override;

  const RequestHead& request() const override { return request_; }
  const Origin& origin() const override { return origin_; }
  Awaitable<Result<BodyPiece>> next_piece() override;
  Result<std::optional<BodyPiece>> piece_now() override;
  bool body_ended() const override { return ended_; }
  const std::vector<HeaderField>& request_trailers() const override { return trailers_; }
  void stop_body() override { drop_body(); }
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
  bool awaits_tunnel() override { return !gone_ && !remote_ended_ && arrived_.empty(); }
  Stream& tunnel() override;

  // How reading the head went; a request that was refused has only what could be read of it.
  const Result<void>& head() const { return head_result_; }
  std::uint64_t body_received() const { return received_; }
  // Views into `origin` and `date` as long as the exchange lasts.
  void set_origin(Origin origin, std::string_view date) { origin_ = origin, date_ = date; }

 private:
  friend class Http2Connection;
  // Of an extended CONNECT: what the DATA frames both ways carry, as a stream.
  class Tunnel;
  // Wakes whoever waits on this stream when it has stood still too long.
  struct Stall final : Alarm {
    Stall(Deadlines& wheel, Http2Exchange& e, FailureKind k) : Alarm(wheel), exchange(e), kind(k) {}
    void due() override;
    Http2Exchange& exchange;
    const FailureKind kind;
  };

  void finish_head(bool last);
  // How much all of them are.
  std::size_t take_trailer(std::string_view name, std::string_view value);
  void finish_trailers();
  void arrive(std::string_view bytes);
  void arrive_end();
  // The client is here no more.
  void leave(Failure why);
  // Its stream has ended; of a whole answer, that says nothing else.
  void close_stream();
  void part(Failure why);
  Http2Outgoing outgoing(std::span<char> room);
  void sent(std::size_t bytes, bool drained);
  void give_back();
  BodyPiece take();
  void limit_receiving();
  Awaitable<Result<void>> send(BodyPiece piece, const std::vector<HeaderField>& trailers);
  void keep_trailers(const std::vector<HeaderField>& trailers);
  Result<void> grant_tunnel(const ResponseHead& head);

  Http2Connection& connection_;
  const StreamId stream_;
  Http2RequestHead head_;
  bool head_done_ = false;
  Result<void> head_result_;
  RequestHead request_;
  Origin origin_;
  std::string_view date_;

  std::string arrived_, current_;  // of the body: not pulled yet; the piece handed out last
  std::uint64_t received_ = 0;
  bool remote_ended_ = false, ended_ = false, stopped_ = false, stalled_ = false, pulling_ = false;
  bool waits_for_continue_ = false;  // neither the 100 nor a part of its body has come
  std::string trailer_text_;
  std::size_t trailers_size_ = 0;
  bool malformed_trailers_ = false;
  std::vector<HeaderField> trailers_;

  std::string kept_;       // of the answer: taken over
  std::string_view lent_;  // the sender's own, who waits
  std::size_t kept_sent_ = 0;
  std::size_t progress_ = 0;  // since the limit on writing was set
  bool last_ = false, last_sent_ = false, begun_ = false, complete_ = false;
  std::string answer_trailer_text_;
  std::vector<HeaderField> answer_trailers_;
  std::unique_ptr<Tunnel> tunnel_;

  std::optional<Failure> why_gone_;
  std::function<void()> tell_gone_;
  bool gone_ = false, serving_ = false, stream_closed_ = false;
  asio::steady_timer arrival_, departure_;  // never expire; cancelled to wake
  Stall receiving_, sending_;
};

}  // namespace gatehouse
