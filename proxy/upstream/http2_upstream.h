// HTTP/2 towards an upstream (RFC 9113): one connection to one endpoint, shared by many exchanges, each on a stream of
// its own. It reads all the time, so an end, a GOAWAY or a cancelled stream is noticed at once.
//
// Memory: a stream may hold its window, 64 KiB at first. That of one whose client keeps up grows to 2 MiB (100 ms at
// 160 Mbit/s), of all of a connection by 16 MiB together. What arrives is given back to the connection's window at once
// and only to the stream's own as it is read, so that a client that does not read keeps nobody else waiting.
//
// A stream counts until it is closed on both sides: one that was cancelled, until the upstream has been told. Else,
// where the socket takes nothing, requests that come and are cancelled would pile up unsent.
//
// Servers end a connection on which much is reset (rapid reset, CVE-2023-44487), whoever wanted it. Clients that cancel
// a lot must not bring that upon the others: after 50 resets, and one more a second, a connection takes no new streams.
#pragma once

#include "base/deadline.h"
#include "base/token_bucket.h"
#include "proxy/http/http2_codec.h"
#include "proxy/upstream/upstream_connection.h"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse {

class Http2Stream;

class Http2Upstream final : public std::enable_shared_from_this<Http2Upstream>, private Http2Listener {
 public:
  static constexpr std::uint32_t first_window = 64 * 1024;
  static constexpr std::uint32_t most_streams = 100;  // open at once, if the upstream takes more

  // `link` is open. `keep_alive`: it is closed when it had no stream for so long.
  Http2Upstream(asio::any_io_executor executor, Deadlines& deadlines, std::unique_ptr<UpstreamConnection> link,
                Duration keep_alive);
  ~Http2Upstream() override;

  // Waits for the upstream's settings, which come first: only then is it known how many streams it takes, and that it
  // speaks HTTP/2 at all. From then on the connection lives until it has ended, whoever holds it.
  Awaitable<Result<void>> start(Duration limit);

  const asio::any_io_executor& executor() const { return executor_; }
  const UpstreamConnection& link() const { return *link_; }
  // One more stream can be opened. Not while the upstream takes no more bytes on the whole connection: one upload that
  // it does not read may be the reason, and would keep the next one waiting.
  bool has_room() const;
  // How many streams it takes at once.
  std::uint32_t most_at_once() const { return std::min(codec_.streams_allowed(), most_streams); }
  // It takes no new streams, now and later.
  bool leaving() const;
  bool idle() const { return streams_.empty(); }
  // It has served before: it may be about to be closed by the upstream.
  bool reused() const { return opened_ > 1; }
  // Of a request's head (RFC 9113 §6.5.2): more would be taken for an attack, on a connection that others share.
  std::size_t head_allowed() const { return codec_.head_allowed(); }
  // Extended CONNECTs (RFC 8441 §3).
  bool opens_tunnels() const { return codec_.tunnels_allowed(); }
  // It would rather be asked over HTTP/1.1, whatever the request (GOAWAY with HTTP_1_1_REQUIRED).
  bool wants_http1() const { return codec_.http1_required(); }
  // Closes when the last stream has ended; no new ones.
  void retire();

 private:
  friend class Http2Stream;

  // Calls one of the functions below when it is time.
  struct Timer final : Alarm {
    Timer(Http2Upstream& u, void (Http2Upstream::*w)()) : Alarm(u.deadlines_), upstream(u), what(w) {}
    void due() override { (upstream.*what)(); }
    Http2Upstream& upstream;
    void (Http2Upstream::*const what)();
  };
  struct EndingStream {
    StreamId id;
    TimePoint until;
  };

  void head_begins(StreamId stream) override;
  bool field(StreamId stream, std::string_view name, std::string_view value) override;
  void head_ends(StreamId stream, bool last) override;
  void data(StreamId stream, std::string_view bytes) override;
  void data_ends(StreamId stream) override;
  void closed(StreamId stream, Http2Error error) override;
  void reset_by_peer(StreamId stream) override;
  void reset_goes_out() override;
  Http2Outgoing outgoing(StreamId stream, std::span<char> room) override;

  // 0: no more can be opened.
  StreamId open(Http2Stream& stream, const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body);
  void forget(StreamId stream);
  // Of a stream whose answer is whole, END_STREAM alone has not come: some say that in a frame of its own. A moment is
  // waited for it, since a reset would cost of the budget; nobody else has to.
  void await_end_of(StreamId stream);
  void end_overdue();
  // A stream that has used up its window and keeps up gets a larger one, within what all may have.
  void widen(StreamId stream, std::uint32_t& window);
  void give_back_window(std::uint32_t window);

  Awaitable<void> run();
  Result<void> receive();
  Awaitable<bool> read_more();
  void end(Failure why);
  // Asks a silent upstream whether it is still there.
  void probe();
  void limit_waiting();
  void wake_reader();
  void flush_soon();
  void flush();
  Awaitable<void> write_rest();
  Http2Stream* find(StreamId stream);

  asio::any_io_executor executor_;
  Deadlines& deadlines_;
  std::unique_ptr<UpstreamConnection> link_;
  const Duration keep_alive_;
  Http2Codec codec_;
  std::unordered_map<StreamId, Http2Stream*> streams_;
  std::vector<EndingStream> ending_;  // those that came first are the first
  TokenBucket resets_;
  std::uint64_t opened_ = 0;
  std::size_t unclosed_ = 0;  // of those
  std::uint32_t widened_ = 0;  // bytes that all windows together are larger than at first
  std::string out_;
  asio::const_buffer unsent_;  // of out_
  bool flush_posted_ = false, writing_ = false, retired_ = false, ended_ = false, probed_ = false;
  std::optional<Failure> why_ended_;
  asio::steady_timer settled_;  // never expires; cancelled when the settings are here, or the end
  Timer silence_{*this, &Http2Upstream::probe};
  Timer overdue_{*this, &Http2Upstream::end_overdue};
};

}  // namespace gatehouse
