// HTTP/2 towards clients: one connection, whose streams become exchanges (RFC 9113). Each runs in a coroutine of its
// own; frames go out together, when the worker has done what was at hand.
#pragma once

#include "base/turns.h"
#include "proxy/http/http2_exchange.h"
#include "proxy/http/inbox.h"

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse {

// What an HTTP/2 connection needs of what it runs on. Everything outlives it.
struct Http2Link {
  asio::any_io_executor executor;
  Stream& stream;
  PlainStream& plain;
  Inbox& inbox;
  Deadlines& deadlines;
  Turns& requests;
  std::function<Awaitable<void>()> costly_turn;
  Deadline& reading;
  StallLimit& writing;
  Clock& clock;
  Http2Refusals& refusals;
};

// Of the entry point as the connection began.
struct Http2Terms {
  Http2Limits limits;
  HeadLimits head;
  std::size_t head_bytes = 64 * 1024;
  Duration head_time{}, keep_alive{}, body_idle{}, write_idle{};
  std::uint64_t requests = 0;  // of a connection; 0: no limit
};

class Http2Connection final : private Http2Listener {
 public:
  using Serve = std::function<Awaitable<void>(Http2Exchange&)>;
  // Of those that came with others. Their answers come together, too, and go out in fewer writes.
  static constexpr int requests_a_turn = 8;

  Http2Connection(Http2Link link, Http2Terms terms, Serve serve);
  ~Http2Connection() override;

  // Until the client has gone, a limit passes, or after drain() the last exchange has ended. Nothing runs on after.
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

  // Serves what has begun, some requests at a time.
  struct Turn final : Turns::Party {
    explicit Turn(Http2Connection& c) : connection(c) {}
    bool take_turn() override { return connection.serve_some(); }
    Http2Connection& connection;
  };
  enum class More : std::uint8_t { something, none, client_closed };

  Http2Exchange* find(StreamId stream);
  void start(Http2Exchange& exchange);
  void serve_begun();
  bool serve_some();
  bool serve_next();
  void served(Http2Exchange& exchange, std::exception_ptr bug);
  void refuse(Http2Exchange& exchange, Http2Refusal why);
  void turn_away(Http2Exchange& exchange);
  void forget(Http2Exchange& exchange);
  Awaitable<Result<void>> take_turns();
  Result<void> receive();
  Awaitable<Result<More>> read_more();
  Result<More> time_is_up();
  void say_goodbye();
  void check_settings();
  Awaitable<void> finish_exchanges();
  Awaitable<void> linger();
  void wake_reader();
  void limit_reading();
  void reset_when_sent(StreamId stream) { early_ends_.push_back(stream); }
  // Whether there were any.
  bool reset_sent();
  void flush_soon();
  void flush();
  // Apart from the reader's turns, which would see by themselves that the codec has given up.
  void flush_apart();
  Awaitable<void> write_rest();
  void lose();

  Http2Link link_;
  const Http2Terms terms_;
  const Serve serve_;
  std::map<StreamId, std::unique_ptr<Http2Exchange>> exchanges_;
  Http2Codec codec_;
  std::size_t serving_ = 0, heads_held_ = 0;
  std::uint64_t served_ = 0;
  bool costly_ = true;  // it brings many small frames beside heads; until the first have come it might
  StreamId head_under_way_ = 0;
  std::vector<StreamId> begun_;  // and not served yet
  std::vector<StreamId> early_ends_;  // to be reset when what is queued has gone
  std::string out_;
  asio::const_buffer unsent_;  // of out_
  bool flush_posted_ = false, writing_ = false, lost_ = false, draining_ = false, said_goodbye_ = false;
  bool client_closed_ = false;
  std::exception_ptr bug_;  // the first
  asio::steady_timer ended_;  // never expires; cancelled when an exchange, a flush or a write has ended
  Turn turn_{*this};
  Timer<Http2Connection> last_call_{link_.deadlines, *this, &Http2Connection::say_goodbye};
  Timer<Http2Connection> settings_limit_{link_.deadlines, *this, &Http2Connection::check_settings};
};

}  // namespace gatehouse
