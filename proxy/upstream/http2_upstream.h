// HTTP/2 towards an upstream (RFC 9113): one connection to one endpoint, shared by many exchanges, each on a stream of
// its own. It reads all the time, so an end, a GOAWAY or a cancelled stream is noticed at once.
//
// Memory: a stream may hold its window, 64 KiB at first. That of one whose client keeps up grows to 2 MiB (100 ms at
// 160 Mbit/s), of all of a connection by 16 MiB together. What arrives is given back to the connection's window at once
// and only to the stream's own as it is read, so that a client that does not read keeps nobody else waiting.
#pragma once

#include "base/deadline.h"
#include "proxy/http/http2_codec.h"
#include "proxy/upstream/upstream_connection.h"

#include <boost/asio/steady_timer.hpp>

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

  // `link` is open. `keep_alive`: it is closed when it had no stream for so long.
  Http2Upstream(asio::any_io_executor executor, Deadlines& deadlines, std::unique_ptr<UpstreamConnection> link,
                Duration keep_alive);
  ~Http2Upstream() override;

  // Waits for the upstream's settings, which come first: only then is it known how many streams it takes, and that it
  // speaks HTTP/2 at all. From then on the connection lives until it has ended, whoever holds it.
  Awaitable<Result<void>> start(Duration limit);

  const asio::any_io_executor& executor() const { return executor_; }
  const UpstreamConnection& link() const { return *link_; }
  // One more stream can be opened.
  bool has_room() const;
  // It takes no new streams, now and later.
  bool leaving() const;
  bool idle() const { return streams_.empty(); }
  // It has served before: it may be about to be closed by the upstream.
  bool reused() const { return opened_ > 1; }
  // Of a request's head (RFC 9113 §6.5.2): more would be taken for an attack, on a connection that others share.
  std::size_t head_allowed() const { return codec_.head_allowed(); }
  // Extended CONNECTs (RFC 8441 §3).
  bool opens_tunnels() const { return codec_.tunnels_allowed(); }
  // Closes when the last stream has ended; no new ones.
  void retire();

 private:
  friend class Http2Stream;

  // Asks a silent upstream whether it is still there.
  struct Silence final : Alarm {
    Silence(Deadlines& wheel, Http2Upstream& u) : Alarm(wheel), upstream(u) {}
    void due() override { upstream.probe(); }
    Http2Upstream& upstream;
  };

  void head_begins(StreamId stream) override;
  bool field(StreamId stream, std::string_view name, std::string_view value) override;
  void head_ends(StreamId stream, bool last) override;
  void data(StreamId stream, std::string_view bytes) override;
  void data_ends(StreamId stream) override;
  void closed(StreamId stream, Http2Error error) override;
  void reset_by_peer(StreamId stream) override;
  Http2Outgoing outgoing(StreamId stream, std::span<char> room) override;

  // 0: no more can be opened.
  StreamId open(Http2Stream& stream, const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body);
  void forget(StreamId stream);
  // A stream that has used up its window and keeps up gets a larger one, within what all may have.
  void widen(StreamId stream, std::uint32_t& window);
  void give_back_window(std::uint32_t window);

  Awaitable<void> run();
  Result<void> receive();
  Awaitable<bool> read_more();
  void end(Failure why);
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
  std::uint64_t opened_ = 0;
  std::uint32_t widened_ = 0;  // bytes that all windows together are larger than at first
  std::string out_;
  asio::const_buffer unsent_;  // of out_
  bool flush_posted_ = false, writing_ = false, retired_ = false, ended_ = false, probed_ = false;
  std::optional<Failure> why_ended_;
  asio::steady_timer settled_;  // never expires; cancelled when the settings are here, or the end
  Silence silence_;
};

}  // namespace gatehouse
