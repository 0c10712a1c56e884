// HTTP/2 clients and servers of hand-made frames (RFC 9113), for what real ones never say.
#pragma once

#include "tests/doubles/proxy/test_proxy.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

struct nghttp2_hd_inflater;

namespace gatehouse::h2 {

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
  priority_update = 0x10,
  end_of_connection = 0xff  // no frame: the server has closed
};
enum : std::uint8_t { end_stream = 1, ack = 1, end_headers = 4, padded = 8, with_priority = 0x20 };

// RFC 9113 §7
enum : std::uint32_t {
  no_error = 0,
  protocol_error = 1,
  flow_control_error = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  enhance_your_calm = 11,
};

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {});
// 31 or 32 bits, as frames have them; and read back.
std::string number(std::uint32_t value);
std::uint32_t number(std::string_view bytes);
// A literal field without indexing (RFC 7541 §6.2.2), not Huffman coded.
std::string field(std::string_view name, std::string_view value);
// The same, put into the table (§6.2.1).
std::string indexed_field(std::string_view name, std::string_view value);
// One entry of SETTINGS.
std::string setting(std::uint16_t id, std::uint32_t value);

// The head of a request to a.example, and further fields.
std::string request(std::string_view method, std::string_view path, std::string_view more = {});
std::string get(std::uint32_t stream, std::string_view path = "/", std::string_view more = {});
std::string reset(std::uint32_t stream, std::uint32_t error = cancel);
std::string open_window(std::uint32_t stream, std::uint32_t bytes);

struct Frame {
  std::uint8_t type = end_of_connection, flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

// What has come for one stream: an answer, or at a server a request, whose fields have its pseudo-header fields too.
struct Answer {
  int status = 0;
  std::vector<int> interims;
  std::map<std::string, std::string> fields, trailers;
  std::string body;
  bool whole = false;                        // ended by END_STREAM
  std::uint32_t reset = 0xffffffff;          // the error, if it was reset
  bool was_reset() const { return reset != 0xffffffff; }
};

// One end of a connection; reads frame by frame. Blocking, for one thread.
class Session {
 public:
  explicit Session(std::unique_ptr<Peer> peer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool send(std::string_view bytes) { return peer_->send(bytes); }
  void close() { peer_->close(); }
  Peer& peer() { return *peer_; }
  // The next frame. Heads are decoded as they pass.
  Frame next();
  // The next frame of this type, or the end.
  Frame await(std::uint8_t type);
  // All of a stream, to its end, its reset or that of the connection.
  const Answer& answer(std::uint32_t stream);
  // What has come so far.
  const Answer& so_far(std::uint32_t stream) { return answers_[stream]; }
  // Waits for a reset of the stream; its error, or 0xffffffff when the connection ended without.
  std::uint32_t reset_of(std::uint32_t stream);
  // Waits for a first head.
  int status(std::uint32_t stream);
  // The error of the next GOAWAY; 0xffffffff: there was none.
  std::uint32_t goaway_error();
  // The value of a setting that the server has told.
  std::uint32_t told(std::uint16_t id) const;

 private:
  void take_head(const Frame& frame);

  std::unique_ptr<Peer> peer_;
  nghttp2_hd_inflater* inflater_;
  std::string block_;  // of a head in pieces
  std::map<std::uint32_t, Answer> answers_;
  std::map<std::uint16_t, std::uint32_t> told_;
};

// Has said its preface and these settings.
class Client : public Session {
 public:
  explicit Client(TestProxy& proxy, std::string_view settings_payload = {});
  explicit Client(std::unique_ptr<Peer> peer, std::string_view settings_payload = {});
};

// Has said these settings, and read the client's preface.
class ServerEnd : public Session {
 public:
  explicit ServerEnd(RawPeer peer, std::string_view settings_payload = {});
  explicit ServerEnd(std::unique_ptr<Peer> peer, std::string_view settings_payload = {});
  // The next request whose head is whole: its stream. 0: the connection has ended.
  std::uint32_t request();
};

// As AnsweringUpstream, without TLS. Ends after the proxy's connections have: it is made before the proxy.
class AnsweringServer {
 public:
  explicit AnsweringServer(std::string body);
  ~AnsweringServer();
  AnsweringServer(const AnsweringServer&) = delete;
  AnsweringServer& operator=(const AnsweringServer&) = delete;

  const Endpoint& endpoint() const { return listener_.endpoint(); }
  int requests() const { return requests_; }  // that were whole

 private:
  void serve(RawPeer peer);

  const std::string body_;
  Upstream listener_;
  int wake_[2];
  std::atomic<int> requests_{0};
  std::vector<std::thread> connections_;
  std::thread accepting_;
};

// The head of an answer, and further fields.
std::string answer_head(std::uint32_t stream, std::string_view status, std::string_view more = {}, bool last = false);
// A whole answer, without a stated length.
std::string answered(std::uint32_t stream, std::string_view body);

// An entry point "web" that understands HTTP/2 without TLS.
EntryDraft cleartext(std::vector<HttpRoutePtr> routes);
// A refusal counted on "web", by its label.
std::string refusals(std::string_view reason);

}  // namespace gatehouse::h2
