// HTTP/2 frames (RFC 9113): bytes in, events out; what is to be sent in, bytes out. No I/O. The only room of nghttp2,
// which checks frames, states, windows and the form of field blocks; what it does not limit is limited here: a peer
// gets a budget of frames that cost us work and bring nothing (pings, settings, priorities, empty data, pieces of
// heads, windows beyond what we send) and of resets.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "proxy/http/http2_refusal.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct nghttp2_session;

namespace gatehouse {

using StreamId = std::int32_t;

// RFC 9113 §7
enum class Http2Error : std::uint32_t {
  none = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  refused_stream = 0x7,
  cancel = 0x8,
  enhance_your_calm = 0xb,
  http_1_1_required = 0xd,
};

// What the peers of many connections may send ahead beyond their first windows, all together.
struct Http2WindowShare {
  std::uint64_t most, taken = 0;  // bytes
};

struct Http2Limits {
  std::uint32_t streams = 128;                     // open at once
  // Bytes that a peer may send ahead on one stream, and on all of a connection: the most that it makes us hold. nghttp2
  // gives a window back by halves, so half of it goes through in each round trip at least.
  std::uint32_t stream_window = 1024 * 1024;
  std::uint32_t connection_window = 2 * 1024 * 1024;
  // A stream whose data is taken as it comes gets a window twice as large each time it has used the last, up to this,
  // and the connection's grows with it, by `most_widened` bytes and out of `share`. Without these none does.
  std::uint32_t widest_stream_window = 0;
  std::uint32_t most_widened = 0;
  Http2WindowShare* share = nullptr;  // outlives the codec
  std::uint32_t head_bytes = 64 * 1024;  // told as SETTINGS_MAX_HEADER_LIST_SIZE
  std::size_t heads_bytes = 512 * 1024;  // of all open requests together; further ones are refused
  double idle_frames = 1000, idle_frames_per_second = 100;  // that bring nothing
  double resets = 200, resets_per_second = 50;  // of streams, by the peer or by its fault; twice `streams` at least
};

// What becomes of a piece of a body.
struct Http2Outgoing {
  std::size_t bytes = 0;  // copied
  bool wait = false;  // nothing at hand: asked again after Http2Codec::resume()
  bool last = false;
  const std::vector<HeaderField>* trailers = nullptr;  // with `last`; null or empty: none
};

// The request line of HTTP/1, as HTTP/2 has it (RFC 9113 §8.3.1).
struct Http2RequestLine {
  std::string_view method, scheme, authority, path;
  std::string_view protocol;  // of an extended CONNECT (RFC 8441 §4); else empty
};

// Hears what a session tells. Called from within receive() and take_output(), and must not call these.
class Http2Listener {
 public:
  virtual ~Http2Listener() = default;

  virtual void head_begins(StreamId stream) = 0;  // a first head, or trailers
  // Views are valid during the call. False: the peer goes too far; the session ends.
  virtual bool field(StreamId stream, std::string_view name, std::string_view value) = 0;
  virtual void head_ends(StreamId stream, bool last) = 0;
  virtual void data(StreamId stream, std::string_view bytes) = 0;
  virtual void data_ends(StreamId stream) = 0;
  virtual void closed(StreamId stream, Http2Error error) = 0;
  // Before closed(); what closes without it was closed by this side, or not processed.
  virtual void reset_by_peer(StreamId /*stream*/) {}
  // A RST_STREAM of ours goes out, whoever wanted it.
  virtual void reset_goes_out() {}
  virtual Http2Outgoing outgoing(StreamId stream, std::span<char> room) = 0;
};

class Http2Codec {
 public:
  enum class Side : std::uint8_t { server, client };

  // Its settings are the first output. `listener` outlives it.
  Http2Codec(Side side, const Http2Limits& limits, Http2Listener& listener, TimePoint now);
  ~Http2Codec();
  Http2Codec(const Http2Codec&) = delete;
  Http2Codec& operator=(const Http2Codec&) = delete;

  // A failure (bad_request with words) when the session cannot go on; what is still to be sent then says why.
  Result<void> receive(std::string_view bytes, TimePoint now);
  // Appends to `out` until that holds about `enough` bytes or there is nothing more.
  void take_output(std::string& out, std::size_t enough);
  // All that came but HEADERS, whatever became of them: the number of those is bounded by that of the streams.
  std::uint64_t frames_beside_heads() const { return frames_beside_heads_; }
  // Neither side has anything more to say.
  bool over() const;
  // It has told the peer of an error, and takes nothing more.
  bool broken() const { return broken_; }
  // The peer has confirmed our settings (RFC 9113 §6.5.3).
  bool settings_acknowledged() const { return settings_acknowledged_; }
  // The peer has told its own; before that its limits are guesses.
  bool settings_received() const { return settings_received_; }
  // Of which kind, or why receive() failed.
  Http2Refusal refusal() const { return refusal_; }

  // Of a client. How many streams the server wants open at once; whether it takes extended CONNECTs; whether it takes
  // anything more on this connection at all.
  std::uint32_t streams_allowed() const;
  bool tunnels_allowed() const;
  bool requests_allowed() const;
  // The peer has asked for HTTP/1.1 in place of this, of a stream or of all (RFC 9113 §7).
  bool http1_required() const { return http1_required_; }
  // 0: none can be opened any more. Field names may have upper case. With `body`, Http2Listener::outgoing is asked for
  // it.
  StreamId submit_request(const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body);
  // The peer has to answer it (RFC 9113 §6.7).
  void ping();
  // The window of one stream, all in all; it only grows.
  void widen(StreamId stream, std::uint32_t window);

  // Field names may have upper case. With `body`, Http2Listener::outgoing is asked for it.
  void submit_answer(StreamId stream, std::uint16_t status, const std::vector<HeaderField>& fields, bool body);
  void submit_interim(StreamId stream, std::uint16_t status, const std::vector<HeaderField>& fields);
  void resume(StreamId stream);
  // How many bytes more of this stream the peer's windows take; whether its window for all streams takes any.
  std::size_t room(StreamId stream) const;
  bool has_room(StreamId stream) const { return room(stream) > 0; }
  bool has_room() const;
  // Our windows have room for what the peer may have to send on this stream.
  bool peer_has_room(StreamId stream) const;
  // So many bytes of data have been dealt with: the peer may send as many more.
  void consume(StreamId stream, std::size_t bytes);
  // The same, of data that nobody wanted: no reason for a larger window.
  void discard(StreamId stream, std::size_t bytes);
  // The same by halves: its sender may send as much on other streams, or on this one.
  void consume_of_connection(std::size_t bytes);
  void consume_of_stream(StreamId stream, std::size_t bytes);
  // What the peer takes of a head, by RFC 9113 §6.5.2's measure (SETTINGS_MAX_HEADER_LIST_SIZE).
  std::uint32_t head_allowed() const;
  // Those that name the peer's fault count like its own. A request that has not gone out is withdrawn: the peer never
  // hears of it, and closed() comes in its place. Of a stream that is reset or withdrawn already: does nothing.
  void reset(StreamId stream, Http2Error error);
  // The two steps of a polite end (RFC 9113 §6.8): no new streams, please; then: none are taken any more.
  void announce_end();
  void end(Http2Error error);
  // Ends because the peer goes too far; not for use within a callback.
  void end_for(Http2Refusal refusal, Http2Error error);

 private:
  struct Callbacks;
  // So many at once, and so many more a second.
  struct Budget {
    double left, most, per_second;
    TimePoint at;
    bool take(TimePoint now);
  };
  // Of a stream with data, where windows may grow.
  struct Inflow {
    std::uint32_t window;
    std::uint64_t held = 0, used = 0;  // bytes: not dealt with yet; dealt with since the window grew
  };
  void note_data(StreamId stream, std::size_t bytes);
  void note_consumed(StreamId stream, std::size_t bytes, bool wanted = true);
  void grow(StreamId stream, Inflow& inflow);
  void shrink(StreamId stream);
  bool widen_connection(std::uint32_t to);
  // Takes bytes off until the head of a frame is whole.
  bool gather_frame_head(std::string_view& bytes);
  Result<void> check_frame();
  bool is_over(StreamId stream) const;
  void remember_reset(StreamId stream);
  void share_alike(StreamId stream);
  void note_priority(StreamId stream);
  Result<void> pass(std::string_view bytes);
  Result<void> offence(Http2Error error, std::string_view words);
  bool idle_frame();
  bool stream_reset();
  void reset_went_out(StreamId stream, std::uint32_t error);
  void data_sent(std::size_t bytes);
  int refuse(Http2Refusal refusal, std::string_view words);

  const Side side_;
  const Http2Limits limits_;
  Http2Listener& listener_;
  nghttp2_session* session_ = nullptr;
  Budget idle_frames_, resets_;
  TimePoint now_;
  // nghttp2 passes over frames of unknown types and of streams that are over without telling: so their heads are
  // looked at before it gets them.
  std::string frame_head_;  // as far as it is here; of PRIORITY with the stream it depends on
  std::size_t payload_left_;  // of the frame under way; at first, of the preface
  std::uint64_t frames_beside_heads_ = 0;
  StreamId last_opened_ = 0;
  // Of these the peer may not know yet that they are over.
  std::vector<StreamId> resets_sent_;
  std::vector<StreamId> withdrawn_;  // whose turn to go out has not come yet
  std::size_t resets_sent_count_ = 0;
  bool ended_ = false;
  std::unordered_map<StreamId, Inflow> inflows_;
  // Bytes that windows are larger than at first: of the open streams together; of the connection, which a peer that has
  // been told of cannot be asked to give back.
  std::uint32_t streams_widened_ = 0, widened_ = 0;
  std::vector<StreamId> told_early_;  // of these the peer has told a priority before it opened them
  std::string_view trouble_;  // why the session must end, where we say so
  Http2Refusal refusal_ = Http2Refusal::protocol_error;
  bool broken_ = false, settings_acknowledged_ = false, settings_received_ = false, http1_required_ = false;
  bool squeezed_ = false;  // the piece under way is as small as the peer's windows ask for
};

}  // namespace gatehouse
