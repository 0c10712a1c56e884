// HTTP/2 towards clients: one connection, whose streams become exchanges (RFC 9113). Each runs in a coroutine of its
// own; frames go out together, when the worker has done what was at hand.
//
// A body arrives into memory, at most a window full, and the client may send more as it is pulled: the window is the
// back pressure. An answer is taken by the client's windows, then by the socket.
#pragma once

#include "base/deadline.h"
#include "proxy/http/exchange.h"
#include "proxy/http/header_rules.h"
#include "proxy/http/http2_codec.h"
#include "proxy/http/http2_head.h"
#include "proxy/http/inbox.h"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

class Http2Connection;

// What an HTTP/2 connection needs of what it runs on. Everything outlives it.
struct Http2Link {
  asio::any_io_executor executor;
  Stream& stream;
  PlainStream& plain;
  Inbox& inbox;
  Deadlines& deadlines;
  Deadline& reading;
  StallLimit& writing;
  Clock& clock;
};

// Of the entry point as the connection began.
struct Http2Terms {
  Http2Limits limits;
  HeadLimits head;
  std::size_t head_bytes = 64 * 1024;
  Duration head_time{}, keep_alive{}, body_idle{}, write_idle{};
  std::uint64_t requests = 0;  // of a connection; 0: no limit
};

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
  void stop_body() override;
  Awaitable<Result<void>> send_interim(const ResponseHead& head) override;
  Awaitable<Result<void>> send_head(const ResponseHead& head, BodyPiece first, const std::vector<HeaderField>& trailers,
                                    std::string_view set_cookie) override;
  Awaitable<Result<void>> send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) override;
  Awaitable<Result<void>> respond(std::uint16_t status, std::vector<HeaderField> fields,
                                  std::string_view body) override;
  bool answer_begun() const override { return begun_; }
  void end_connection() override {}  // one bad request says nothing about the other streams
  void break_off() override;
  bool client_gone() override { return gone_; }
  Stream& tunnel() override;
  std::string_view tunnel_unread() override { return {}; }

  // How reading the head went; a request that was refused has only what could be read of it.
  const Result<void>& head() const { return head_result_; }
  std::uint64_t body_received() const { return received_; }
  // Views into `address` and `date` as long as the exchange lasts.
  void set_origin(Origin origin, std::string_view date) { origin_ = origin, date_ = date; }

 private:
  friend class Http2Connection;
  // Wakes whoever waits on this stream when it has stood still too long.
  struct Stall final : Alarm {
    Stall(Deadlines& wheel, Http2Exchange& e, FailureKind k) : Alarm(wheel), exchange(e), kind(k) {}
    void due() override;
    Http2Exchange& exchange;
    const FailureKind kind;
  };

  void finish_head(bool last);
  void take_trailer(std::string_view name, std::string_view value);
  void arrive(std::string_view bytes);
  void arrive_end();
  void leave(Failure why);
  Http2Outgoing outgoing(std::span<char> room);
  void give_back();
  BodyPiece take();
  Awaitable<Result<void>> send(BodyPiece piece, const std::vector<HeaderField>& trailers);
  void keep_trailers(const std::vector<HeaderField>& trailers);

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
  bool remote_ended_ = false, ended_ = false, stopped_ = false;
  std::string trailer_text_;
  std::vector<HeaderField> trailers_;

  std::string kept_;           // of the answer: taken over
  std::string_view lent_;      // the sender's own, who waits
  std::size_t kept_sent_ = 0;
  bool last_ = false, begun_ = false, complete_ = false;
  std::string answer_trailer_text_;
  std::vector<HeaderField> answer_trailers_;

  std::optional<Failure> why_gone_;
  bool gone_ = false, serving_ = false, stream_closed_ = false;
  asio::steady_timer arrival_, departure_;  // never expire; cancelled to wake
  Stall receiving_, sending_;
};

class Http2Connection final : private Http2Listener {
 public:
  using Serve = std::function<Awaitable<void>(Http2Exchange&)>;

  Http2Connection(Http2Link link, Http2Terms terms, Serve serve);
  ~Http2Connection() override;

  // Until the client has gone, a limit passes, or after drain() the last exchange has ended.
  Awaitable<Result<void>> run();
  // No new streams (GOAWAY, twice); those under way go on.
  void drain();

 private:
  friend class Http2Exchange;

  void head_begins(StreamId stream) override;
  bool field(StreamId stream, std::string_view name, std::string_view value) override;
  void head_ends(StreamId stream, bool last) override;
  void data(StreamId stream, std::string_view bytes) override;
  void data_ends(StreamId stream) override;
  void closed(StreamId stream, Http2Error error) override;
  Http2Outgoing outgoing(StreamId stream, std::span<char> room) override;

  struct LastCall final : Alarm {
    LastCall(Deadlines& wheel, Http2Connection& c) : Alarm(wheel), connection(c) {}
    void due() override;
    Http2Connection& connection;
  };

  Http2Exchange* find(StreamId stream);
  void start(Http2Exchange& exchange);
  void forget(Http2Exchange& exchange);
  Awaitable<Result<bool>> read_more();
  Awaitable<void> finish_exchanges();
  void wake_reader();
  void limit_reading();
  void reset_when_sent(StreamId stream) { resets_.push_back(stream); }
  void reset_sent();
  void flush_soon();
  void flush();
  Awaitable<void> write_rest();
  void lose();

  Http2Link link_;
  const Http2Terms terms_;
  const Serve serve_;
  std::map<StreamId, std::unique_ptr<Http2Exchange>> exchanges_;
  Http2Codec codec_;
  std::size_t serving_ = 0;
  std::uint64_t served_ = 0;
  StreamId head_under_way_ = 0;
  std::vector<StreamId> resets_;  // when what is queued has gone
  std::string out_;
  asio::const_buffer unsent_;  // of out_
  bool flush_posted_ = false, writing_ = false, lost_ = false, draining_ = false, said_goodbye_ = false;
  asio::steady_timer ended_;  // never expires; cancelled when an exchange, a flush or a write has ended
  LastCall last_call_;
};

}  // namespace gatehouse
