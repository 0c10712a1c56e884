// What both ends of HTTP/2 have of a stream: its two bodies with their waiting, and the tunnel that an extended CONNECT
// makes of them (RFC 8441 §5).
#pragma once

#include "base/deadline.h"
#include "proxy/http/http2_body.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace gatehouse {

// Until it is cancelled.
Awaitable<void> wait_on(asio::steady_timer& timer);

class Http2Flow {
 public:
  Http2Flow(const Http2Flow&) = delete;
  Http2Flow& operator=(const Http2Flow&) = delete;

 protected:
  // `idle`: limit on the peer taking more of what goes out. `codec` is used until the derived class is gone.
  Http2Flow(const asio::any_io_executor& executor, Deadlines& deadlines, Http2Codec& codec, Duration idle);
  virtual ~Http2Flow() = default;

  // What the codec has queued goes out when the worker has done what was at hand.
  virtual void flush_soon() = 0;
  // So many bytes that came are done with: the peer may send as many more.
  virtual void give_back(std::size_t bytes) = 0;
  // The peer has not got on with what goes out.
  virtual void stall() = 0;

  void arrive_end();
  // The piece that was pulled last is done with.
  void release() { give_back(in_.release()); }
  // True: the piece need not be kept; else until out_.taken(), for which departure_ is to be waited on. `trailers`
  // count with the last one.
  bool put(BodyPiece piece, const std::vector<HeaderField>& trailers);
  Http2Outgoing outgoing(std::span<char> room);
  // Both bodies have come to their ends.
  bool over() const { return in_.end_arrived() && out_.end_sent(); }
  void reset(Http2Error error);
  // The codec has closed the stream: nothing goes out any more.
  void mark_closed();
  // Whoever waits on it wakes. Only the first one counts.
  void fail(Failure why);
  // The stream's bytes both ways, as long as this exists. Its close() and abort() are the same: what is not over is
  // cancelled.
  Stream& open_tunnel();

  Http2Codec& codec_;
  StreamId stream_ = 0;
  bool stream_closed_ = false;
  std::optional<Failure> failure_;
  Http2Inflow in_;
  Http2Outflow out_;
  asio::steady_timer arrival_, departure_;  // never expire; cancelled to wake
  std::unique_ptr<Stream> tunnel_;

 private:
  class Tunnel;
  void resume();
  void check_progress();

  const Duration idle_;
  std::size_t progress_ = 0;  // bytes since the limit was set
  Timer<Http2Flow> sending_;
};

}  // namespace gatehouse
