#include "proxy/http/http2_codec.h"

#include "proxy/http/chunked.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gatehouse {
namespace {

constexpr std::size_t longest_answer_head = 1024 * 1024;  // as nghttp2 estimates it; an upstream's has 128 KiB at most
constexpr double data_bytes_per_idle_frame = 1024;
constexpr std::size_t least_window = 256;
constexpr std::size_t least_remembered = 256;

constexpr std::size_t preface_size = 24;
constexpr std::size_t frame_head_size = 9;
constexpr std::size_t priority_size = 5, dependency_size = 4;
constexpr std::size_t most_padding = 256;

std::size_t payload_of(std::string_view head) {
  const auto byte = [head](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint8_t>(head[i])); };
  return byte(0) << 16 | byte(1) << 8 | byte(2);
}

std::uint8_t type_of(std::string_view head) { return static_cast<std::uint8_t>(head[3]); }

// The 31 bits after a reserved one.
StreamId number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (const char c : bytes.substr(at, 4)) number = number << 8 | static_cast<std::uint8_t>(c);
  return static_cast<StreamId>(number & 0x7fffffff);
}

StreamId stream_of(std::string_view head) { return number_at(head, 5); }

// A PRIORITY of the right size begins with the stream it depends on (RFC 7540 §6.3).
bool depends(std::string_view head) { return type_of(head) == NGHTTP2_PRIORITY && payload_of(head) == priority_size; }

// A frame that does more than keep us busy. Small ones may be all padding.
bool brings_something(std::uint8_t type, std::uint8_t flags, std::size_t payload) {
  if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION || type == NGHTTP2_RST_STREAM) return true;
  if (type != NGHTTP2_DATA) return false;
  const std::size_t padding = (flags & NGHTTP2_FLAG_PADDED) != 0 ? most_padding : 0;
  return payload > padding || (flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

// A client may leave all that it has opened, and once more as it reloads.
double most_resets(const Http2Limits& limits) { return std::max(limits.resets, 2.0 * limits.streams); }

std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // nghttp2 copies and does not write
}

nghttp2_nv pair_of(std::string_view name, std::string_view value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Fields as nghttp2 takes them, with names in lower case (RFC 9113 §8.2.1).
class FieldBlock {
 public:
  explicit FieldBlock(const std::vector<HeaderField>& fields) {
    std::size_t size = 0;
    for (const auto& field : fields) size += field.name.size();
    names_.reserve(size);  // views into it stay
    pairs_.reserve(fields.size() + 5);  // with those that begin with a colon
  }
  void add(std::string_view name, std::string_view value) { pairs_.push_back(pair_of(name, value)); }
  void add_lowered(std::string_view name, std::string_view value) {
    const std::size_t start = names_.size();
    for (char c : name) names_.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
    add(std::string_view(names_).substr(start), value);
  }
  const nghttp2_nv* data() const { return pairs_.data(); }
  std::size_t size() const { return pairs_.size(); }

 private:
  std::string names_;
  std::vector<nghttp2_nv> pairs_;
};

std::array<char, 3> digits_of(std::uint16_t status) {
  return {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
          static_cast<char>('0' + status % 10)};
}

FieldBlock answer_block(std::string_view status, const std::vector<HeaderField>& fields) {
  FieldBlock block(fields);
  block.add(":status", status);
  for (const auto& field : fields) block.add_lowered(field.name, field.value);
  return block;
}

std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

struct Http2Codec::Callbacks {
  static Http2Codec& codec(void* user) { return *static_cast<Http2Codec*>(user); }
  static Http2Listener& listener(void* user) { return codec(user).listener_; }

  static int head_begins(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) codec(user).share_alike(frame->hd.stream_id);
    listener(user).head_begins(frame->hd.stream_id);
    return 0;
  }

  static int field(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                   const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    if (listener(user).field(frame->hd.stream_id, view(name, name_size), view(value, value_size))) return 0;
    return codec(user).refuse(Http2Refusal::large_head, "a field block far beyond the limit");
  }

  // A field that no HTTP/1 head could hold either; left alone, nghttp2 would merely drop it.
  static int field_refused(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                           const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Codec& self = codec(user);
    const StreamId stream = frame->hd.stream_id;
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) self.listener_.head_ends(stream, last);
    if (frame->hd.type == NGHTTP2_DATA && last) self.listener_.data_ends(stream);
    if (frame->hd.type == NGHTTP2_PRIORITY_UPDATE)
      self.note_priority(static_cast<const nghttp2_ext_priority_update*>(frame->ext.payload)->stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      self.listener_.reset_by_peer(stream);
      self.stream_reset();
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) self.http1_required_ |= frame->goaway.error_code == NGHTTP2_HTTP_1_1_REQUIRED;
    if (frame->hd.type == NGHTTP2_SETTINGS) {
      const bool confirms = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
      (confirms ? self.settings_acknowledged_ : self.settings_received_) = true;
    }
    return self.trouble_.empty() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_DATA) codec(user).data_sent(frame->hd.length);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
      codec(user).reset_went_out(frame->hd.stream_id, frame->rst_stream.error_code);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) codec(user).broken_ = true;
    return 0;
  }

  // A stream that is refused is never opened, so their number has no other bound. It may be named again at once.
  static int frame_refused(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    if (error != NGHTTP2_ERR_REFUSED_STREAM) return 0;
    codec(user).remember_reset(frame->hd.stream_id);
    return codec(user).stream_reset() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int data(nghttp2_session*, std::uint8_t, StreamId stream, const std::uint8_t* data, std::size_t size,
                  void* user) {
    codec(user).note_data(stream, size);
    listener(user).data(stream, view(data, size));
    return 0;
  }

  static int closed(nghttp2_session*, StreamId stream, std::uint32_t error, void* user) {
    std::erase(codec(user).withdrawn_, stream);
    codec(user).shrink(stream);
    listener(user).closed(stream, static_cast<Http2Error>(error));
    return 0;
  }

  static ssize_t outgoing(nghttp2_session* session, StreamId stream, std::uint8_t* room, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source*, void* user) {
    const Http2Outgoing piece = listener(user).outgoing(stream, std::span(reinterpret_cast<char*>(room), size));
    codec(user).squeezed_ = size < least_window && piece.bytes == size && !piece.last;
    if (piece.wait) return NGHTTP2_ERR_DEFERRED;
    if (!piece.last) return static_cast<ssize_t>(piece.bytes);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (piece.trailers == nullptr) return static_cast<ssize_t>(piece.bytes);
    FieldBlock block(*piece.trailers);
    for (const auto& field : *piece.trailers)
      if (trailer_may_pass(field)) block.add_lowered(field.name, field.value);
    if (block.size() == 0) return static_cast<ssize_t>(piece.bytes);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (nghttp2_submit_trailer(session, stream, block.data(), block.size()) != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
    return static_cast<ssize_t>(piece.bytes);
  }
};

Http2Codec::Http2Codec(Side side, const Http2Limits& limits, Http2Listener& listener, TimePoint now)
    : side_(side),
      limits_(limits),
      listener_(listener),
      idle_frames_{limits.idle_frames, limits.idle_frames, limits.idle_frames_per_second, now},
      resets_{most_resets(limits), most_resets(limits), limits.resets_per_second, now},
      now_(now),
      payload_left_(side == Side::server ? preface_size : 0),
      resets_sent_(std::max<std::size_t>(least_remembered, std::size_t{2} * limits.streams)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_option_new(&option);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::head_begins);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::field);
  nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, Callbacks::field_refused);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::frame_refused);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, 100);
  // Its own budget, of 33 a second, counts without a reason: ours is to be used up first.
  nghttp2_option_set_stream_reset_rate_limit(option, static_cast<std::uint64_t>(2 * most_resets(limits)),
                                             static_cast<std::uint64_t>(2 * limits.resets_per_second));
  nghttp2_option_set_max_send_header_block_length(option, longest_answer_head);
  nghttp2_option_set_builtin_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
  if (side == Side::server)
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  else
    nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);

  std::vector<nghttp2_settings_entry> settings{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
                                               {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head_bytes}};
  if (side == Side::server) settings.push_back({NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1});
  if (side == Side::server) settings.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
  if (side == Side::client) settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits.connection_window));
}

Http2Codec::~Http2Codec() {
  if (limits_.share != nullptr) limits_.share->taken -= widened_;
  nghttp2_session_del(session_);
}

bool Http2Codec::Budget::take(TimePoint now) {
  left = std::min(most, left + std::chrono::duration<double>(now - at).count() * per_second);
  at = now;
  left -= 1;
  return left >= 0;
}

bool Http2Codec::idle_frame() {
  if (idle_frames_.take(now_)) return true;
  refuse(Http2Refusal::idle_frames, "too many frames that bring nothing");
  return false;
}

bool Http2Codec::stream_reset() {
  if (resets_.take(now_)) return true;
  refuse(Http2Refusal::resets, "too many streams reset");
  return false;
}

// What made us reset a stream counts like a reset by the peer (CVE-2025-8671).
void Http2Codec::reset_went_out(StreamId stream, std::uint32_t error) {
  listener_.reset_goes_out();
  remember_reset(stream);
  const bool peers_fault =
      error == NGHTTP2_PROTOCOL_ERROR || error == NGHTTP2_FLOW_CONTROL_ERROR || error == NGHTTP2_STREAM_CLOSED;
  if (peers_fault && !stream_reset()) end(Http2Error::enhance_your_calm);
}

void Http2Codec::remember_reset(StreamId stream) {
  if (std::find(resets_sent_.begin(), resets_sent_.end(), stream) != resets_sent_.end()) return;
  resets_sent_[resets_sent_count_++ % resets_sent_.size()] = stream;
}

// Answers take turns where the client does not say otherwise (RFC 9218 §10): one after another, the last of many would
// get nothing for long. A `priority` field is read after this; a PRIORITY_UPDATE may have come before (§7.1).
void Http2Codec::share_alike(StreamId stream) {
  if (std::erase(told_early_, stream) > 0) return;
  const nghttp2_extpri priority{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  nghttp2_session_change_extpri_stream_priority(session_, stream, &priority, 0);
}

// Of a stream yet to be opened. nghttp2 keeps what was told; as many as may be opened at once are remembered here.
void Http2Codec::note_priority(StreamId stream) {
  std::erase_if(told_early_, [this](StreamId told) { return told <= last_opened_; });
  if (stream <= last_opened_ || told_early_.size() >= limits_.streams) return;
  if (std::ranges::find(told_early_, stream) == told_early_.end()) told_early_.push_back(stream);
}

// Windows are opened again for what we send. Those opened by a few bytes at a time make us work for nothing
// (CVE-2019-9511): they count in full.
void Http2Codec::data_sent(std::size_t bytes) {
  if (std::exchange(squeezed_, false)) return;
  const double credit = 2 + static_cast<double>(bytes) / data_bytes_per_idle_frame;
  idle_frames_.left = std::min(idle_frames_.most, idle_frames_.left + credit);
}

int Http2Codec::refuse(Http2Refusal refusal, std::string_view words) {
  refusal_ = refusal;
  trouble_ = words;
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

bool Http2Codec::gather_frame_head(std::string_view& bytes) {
  while (!bytes.empty()) {
    const bool head = frame_head_.size() >= frame_head_size;
    const std::size_t wanted = head && depends(frame_head_) ? frame_head_size + dependency_size : frame_head_size;
    const std::string_view more = bytes.substr(0, wanted - frame_head_.size());
    frame_head_.append(more);
    bytes.remove_prefix(more.size());
    if (frame_head_.size() == wanted && (head || !depends(frame_head_))) return true;
  }
  return false;
}

bool Http2Codec::is_over(StreamId stream) const {
  // Of its own streams a client has given up more than can be remembered, and nghttp2 drops what still comes of them.
  if (side_ == Side::client || ended_ || stream > last_opened_ ||
      nghttp2_session_find_stream(session_, stream) != nullptr)
    return false;
  return std::find(resets_sent_.begin(), resets_sent_.end(), stream) == resets_sent_.end();
}

Result<void> Http2Codec::check_frame() {
  const std::uint8_t type = type_of(frame_head_);
  if (type != NGHTTP2_HEADERS) ++frames_beside_heads_;
  const StreamId stream = stream_of(frame_head_);
  const std::size_t payload = payload_of(frame_head_);
  payload_left_ = payload - (frame_head_.size() - frame_head_size);
  if (!brings_something(type, static_cast<std::uint8_t>(frame_head_[4]), payload) && !idle_frame())
    return offence(Http2Error::enhance_your_calm, trouble_);
  if (type == NGHTTP2_PRIORITY && stream == 0) return offence(Http2Error::protocol_error, "a priority of no stream");
  if (depends(frame_head_) && number_at(frame_head_, frame_head_size) == stream)
    return offence(Http2Error::protocol_error, "a stream that depends on itself");
  if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return {};
  if (stream > 0 && is_over(stream)) return offence(Http2Error::stream_closed, "a frame of a stream that is over");
  if (type == NGHTTP2_HEADERS) last_opened_ = std::max(last_opened_, stream);
  return {};
}

Result<void> Http2Codec::offence(Http2Error error, std::string_view words) {
  end(error);
  return Failure(FailureKind::bad_request, std::string(words));
}

Result<void> Http2Codec::receive(std::string_view bytes, TimePoint now) {
  now_ = now;
  while (!bytes.empty()) {
    if (payload_left_ == 0) {
      if (!gather_frame_head(bytes)) break;
      if (auto allowed = check_frame(); !allowed) return allowed;
      if (auto passed = pass(frame_head_); !passed) return passed;
      frame_head_.clear();
    }
    const std::string_view payload = bytes.substr(0, payload_left_);
    payload_left_ -= payload.size();
    bytes.remove_prefix(payload.size());
    if (payload.empty()) continue;
    if (auto passed = pass(payload); !passed) return passed;
  }
  return {};
}

Result<void> Http2Codec::pass(std::string_view bytes) {
  const auto taken = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  if (taken == static_cast<ssize_t>(bytes.size())) return {};
  if (!trouble_.empty()) return offence(Http2Error::enhance_your_calm, trouble_);
  if (taken == NGHTTP2_ERR_FLOODED) refusal_ = Http2Refusal::acknowledgements;
  if (taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) refusal_ = Http2Refusal::continuations;
  const bool flooded = refusal_ != Http2Refusal::protocol_error;
  return offence(flooded ? Http2Error::enhance_your_calm : Http2Error::protocol_error,
                 taken < 0 ? nghttp2_strerror(static_cast<int>(taken)) : "bytes left over");
}

void Http2Codec::take_output(std::string& out, std::size_t enough) {
  while (out.size() < enough) {
    const std::uint8_t* data = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return;
    out.append(view(data, static_cast<std::size_t>(size)));
  }
}

bool Http2Codec::over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

void Http2Codec::submit_answer(StreamId stream, std::uint16_t status, const std::vector<HeaderField>& fields,
                               bool body) {
  const auto digits = digits_of(status);
  const FieldBlock block = answer_block({digits.data(), digits.size()}, fields);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::outgoing;
  nghttp2_submit_response(session_, stream, block.data(), block.size(), body ? &provider : nullptr);
}

void Http2Codec::submit_interim(StreamId stream, std::uint16_t status, const std::vector<HeaderField>& fields) {
  const auto digits = digits_of(status);
  const FieldBlock block = answer_block({digits.data(), digits.size()}, fields);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream, nullptr, block.data(), block.size(), nullptr);
}

std::uint32_t Http2Codec::streams_allowed() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool Http2Codec::tunnels_allowed() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool Http2Codec::requests_allowed() const { return nghttp2_session_check_request_allowed(session_) != 0; }

StreamId Http2Codec::submit_request(const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body) {
  FieldBlock block(fields);
  block.add(":method", line.method);
  block.add(":scheme", line.scheme);
  if (!line.authority.empty()) block.add(":authority", line.authority);
  block.add(":path", line.path);
  if (!line.protocol.empty()) block.add(":protocol", line.protocol);
  for (const auto& field : fields) block.add_lowered(field.name, field.value);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::outgoing;
  const StreamId stream =
      nghttp2_submit_request(session_, nullptr, block.data(), block.size(), body ? &provider : nullptr, nullptr);
  return std::max(stream, 0);
}

void Http2Codec::ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

void Http2Codec::widen(StreamId stream, std::uint32_t window) {
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, stream, static_cast<std::int32_t>(window));
}

std::size_t Http2Codec::room(StreamId stream) const {
  const auto of_stream = nghttp2_session_get_stream_remote_window_size(session_, stream);
  const auto of_all = nghttp2_session_get_remote_window_size(session_);
  return static_cast<std::size_t>(std::max(std::min(of_stream, of_all), 0));
}

bool Http2Codec::peer_has_room(StreamId stream) const {
  return nghttp2_session_get_effective_recv_data_length(session_) <
             nghttp2_session_get_effective_local_window_size(session_) &&
         nghttp2_session_get_stream_effective_recv_data_length(session_, stream) <
             nghttp2_session_get_stream_effective_local_window_size(session_, stream);
}

bool Http2Codec::has_room() const { return nghttp2_session_get_remote_window_size(session_) > 0; }

void Http2Codec::resume(StreamId stream) { nghttp2_session_resume_data(session_, stream); }

void Http2Codec::note_data(StreamId stream, std::size_t bytes) {
  if (limits_.widest_stream_window <= limits_.stream_window) return;
  inflows_.try_emplace(stream, Inflow{limits_.stream_window}).first->second.held += bytes;
}

// A reader that keeps up holds little when it comes for more.
void Http2Codec::note_consumed(StreamId stream, std::size_t bytes, bool wanted) {
  const auto found = inflows_.find(stream);
  if (found == inflows_.end()) return;
  Inflow& inflow = found->second;
  inflow.held -= std::min<std::uint64_t>(inflow.held, bytes);
  if (!wanted) return;
  inflow.used += bytes;
  if (inflow.used < inflow.window || inflow.held > inflow.window / 4) return;
  inflow.used = 0;
  grow(stream, inflow);
}

void Http2Codec::grow(StreamId stream, Inflow& inflow) {
  const std::uint32_t more = std::min(inflow.window, limits_.widest_stream_window - inflow.window);
  if (more == 0 || !widen_connection(streams_widened_ + more)) return;
  streams_widened_ += more;
  inflow.window += more;
  widen(stream, inflow.window);
}

// What it had more than others may be theirs.
void Http2Codec::shrink(StreamId stream) {
  const auto found = inflows_.find(stream);
  if (found == inflows_.end()) return;
  streams_widened_ -= found->second.window - limits_.stream_window;
  inflows_.erase(found);
}

// So that what its streams together may have more has room in it.
bool Http2Codec::widen_connection(std::uint32_t to) {
  if (to <= widened_) return true;
  const std::uint32_t more = to - widened_;
  Http2WindowShare* const share = limits_.share;
  if (to > limits_.most_widened || share == nullptr || share->taken + more > share->most) return false;
  share->taken += more;
  widened_ = to;
  widen(0, limits_.connection_window + widened_);
  return true;
}

void Http2Codec::consume(StreamId stream, std::size_t bytes) {
  nghttp2_session_consume(session_, stream, bytes);
  note_consumed(stream, bytes);
}

void Http2Codec::discard(StreamId stream, std::size_t bytes) {
  nghttp2_session_consume(session_, stream, bytes);
  note_consumed(stream, bytes, false);
}

void Http2Codec::consume_of_connection(std::size_t bytes) { nghttp2_session_consume_connection(session_, bytes); }

void Http2Codec::consume_of_stream(StreamId stream, std::size_t bytes) {
  nghttp2_session_consume_stream(session_, stream, bytes);
  note_consumed(stream, bytes);
}

std::uint32_t Http2Codec::head_allowed() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
}

// nghttp2 remembers that a request is withdrawn, but would make a frame of a second time: of a stream that the peer has
// never seen, which ends the connection (RFC 9113 §5.1, idle).
void Http2Codec::reset(StreamId stream, Http2Error error) {
  if (side_ == Side::client && nghttp2_session_find_stream(session_, stream) == nullptr) {
    if (std::find(withdrawn_.begin(), withdrawn_.end(), stream) != withdrawn_.end()) return;
    withdrawn_.push_back(stream);
  }
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, static_cast<std::uint32_t>(error));
}

void Http2Codec::end_for(Http2Refusal refusal, Http2Error error) {
  refusal_ = refusal;
  end(error);
}

void Http2Codec::announce_end() { nghttp2_submit_shutdown_notice(session_); }

void Http2Codec::end(Http2Error error) {
  ended_ = true;
  const StreamId last = nghttp2_session_get_last_proc_stream_id(session_);
  if (error == Http2Error::none)
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  else
    nghttp2_session_terminate_session2(session_, last, static_cast<std::uint32_t>(error));
}

}  // namespace gatehouse
