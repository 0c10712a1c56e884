#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

#include <nghttp2/nghttp2.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace gatehouse::h2 {
namespace {

std::string text(std::string_view value) {
  std::string out;
  if (value.size() < 127) {
    out.push_back(static_cast<char>(value.size()));
    return out.append(value);
  }
  out.push_back(127);
  std::size_t rest = value.size() - 127;
  for (; rest >= 128; rest >>= 7) out.push_back(static_cast<char>(rest % 128 + 128));
  out.push_back(static_cast<char>(rest));
  return out.append(value);
}

std::string_view without_padding(const Frame& frame) {
  std::string_view payload = frame.payload;
  if ((frame.flags & padded) == 0 || payload.empty()) return payload;
  const auto padding = static_cast<unsigned char>(payload.front());
  payload.remove_prefix(1);
  payload.remove_suffix(std::min<std::size_t>(padding, payload.size()));
  return payload;
}

}  // namespace

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift : {16, 8, 0}) out.push_back(static_cast<char>(payload.size() >> shift & 0xff));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  return out.append(number(stream)).append(payload);
}

std::string number(std::uint32_t value) {
  std::string out;
  for (int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(value >> shift & 0xff));
  return out;
}

std::uint32_t number(std::string_view bytes) {
  std::uint32_t n = 0;
  for (char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

std::string field(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + text(name) + text(value);
}

std::string indexed_field(std::string_view name, std::string_view value) {
  return std::string(1, '\x40') + text(name) + text(value);
}

std::string setting(std::uint16_t id, std::uint32_t value) {
  return std::string{static_cast<char>(id >> 8), static_cast<char>(id & 0xff)} + number(value);
}

std::string request(std::string_view method, std::string_view path, std::string_view more) {
  return field(":method", method) + field(":scheme", "http") + field(":authority", "a.example") + field(":path", path) +
         std::string(more);
}

std::string get(std::uint32_t stream, std::string_view path, std::string_view more) {
  return frame(headers, end_headers | end_stream, stream, request("GET", path, more));
}

std::string reset(std::uint32_t stream, std::uint32_t error) { return frame(rst_stream, 0, stream, number(error)); }

std::string open_window(std::uint32_t stream, std::uint32_t bytes) {
  return frame(window_update, 0, stream, number(bytes));
}

Client::Client(TestProxy& proxy, std::string_view settings_payload)
    : Client(std::make_unique<RawPeer>(proxy.connect()), settings_payload) {}

Client::Client(std::unique_ptr<Peer> peer, std::string_view settings_payload) : Session(std::move(peer)) {
  send(std::string(preface) + frame(settings, 0, 0, settings_payload));
}

ServerEnd::ServerEnd(RawPeer peer, std::string_view settings_payload)
    : ServerEnd(std::make_unique<RawPeer>(std::move(peer)), settings_payload) {}

ServerEnd::ServerEnd(std::unique_ptr<Peer> peer, std::string_view settings_payload) : Session(std::move(peer)) {
  send(frame(settings, 0, 0, settings_payload));
  EXPECT_EQ(Session::peer().read(preface.size()), preface);
  send(frame(settings, ack, 0));
}

std::uint32_t ServerEnd::request() {
  while (true) {
    const Frame got = await(headers);
    if (got.type == end_of_connection) return 0;
    if ((got.flags & end_headers) != 0 && so_far(got.stream).trailers.empty()) return got.stream;
  }
}

AnsweringServer::AnsweringServer(std::string body) : body_(std::move(body)) {
  if (::pipe2(wake_, O_CLOEXEC) != 0) std::abort();
  accepting_ = std::thread([this] {
    while (true) {
      pollfd entries[] = {{wake_[0], POLLIN, 0}, {listener_.descriptor(), POLLIN, 0}};
      ::poll(entries, 2, -1);
      if (entries[0].revents != 0) return;
      connections_.emplace_back([this, peer = listener_.accept()]() mutable { serve(std::move(peer)); });
    }
  });
}

AnsweringServer::~AnsweringServer() {
  ::close(wake_[1]);
  accepting_.join();
  for (std::thread& connection : connections_) connection.join();
  ::close(wake_[0]);
}

void AnsweringServer::serve(RawPeer peer) {
  ServerEnd server(std::move(peer));
  while (const std::uint32_t stream = server.request()) {
    if (!server.answer(stream).whole) continue;
    ++requests_;
    server.send(answered(stream, body_));
  }
}

std::string answer_head(std::uint32_t stream, std::string_view status, std::string_view more, bool last) {
  const std::uint8_t flags = last ? end_headers | end_stream : end_headers;
  return frame(headers, flags, stream, field(":status", status) + std::string(more));
}

std::string answered(std::uint32_t stream, std::string_view body) {
  return answer_head(stream, "200") + frame(data, end_stream, stream, body);
}

Session::Session(std::unique_ptr<Peer> peer) : peer_(std::move(peer)) { nghttp2_hd_inflate_new(&inflater_); }

Session::~Session() { nghttp2_hd_inflate_del(inflater_); }

Frame Session::next() {
  const std::string head = peer_->read(9);
  if (head.size() < 9) return {};
  Frame got{static_cast<std::uint8_t>(head[3]),
            static_cast<std::uint8_t>(head[4]),
            number(std::string_view(head).substr(5)),
            {}};
  got.payload = peer_->read(number(std::string_view(head).substr(0, 3)));
  Answer& answer = answers_[got.stream];
  if (got.type == headers || got.type == continuation) take_head(got);
  if (got.type == data) answer.body += without_padding(got);
  if (got.type == rst_stream) answer.reset = number(got.payload);
  if (got.type == data || got.type == headers) answer.whole |= (got.flags & end_stream) != 0;
  if (got.type == settings)
    for (std::string_view rest = got.payload; rest.size() >= 6; rest.remove_prefix(6))
      told_[static_cast<std::uint16_t>(number(rest.substr(0, 2)))] = number(rest.substr(2, 4));
  return got;
}

// A first head, an interim one, or trailers.
void Session::take_head(const Frame& frame) {
  block_ += without_padding(frame);
  if ((frame.flags & end_headers) == 0) return;
  std::map<std::string, std::string> fields;
  auto* bytes = reinterpret_cast<const std::uint8_t*>(block_.data());
  std::size_t left = block_.size();
  while (true) {
    nghttp2_nv pair;
    int flags = 0;
    const ssize_t read = nghttp2_hd_inflate_hd2(inflater_, &pair, &flags, bytes, left, 1);
    if (read < 0) {
      ADD_FAILURE() << "a malformed field block";
      break;
    }
    bytes += read;
    left -= static_cast<std::size_t>(read);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      std::string& value = fields[std::string(reinterpret_cast<char*>(pair.name), pair.namelen)];
      if (!value.empty()) value += ", ";  // of lines of one name
      value.append(reinterpret_cast<char*>(pair.value), pair.valuelen);
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  block_.clear();
  Answer& answer = answers_[frame.stream];
  const int status = fields.contains(":status") ? std::stoi(fields[":status"]) : 0;
  if (fields.contains(":method")) {
    answer.fields = std::move(fields);
  } else if (status == 0) {
    answer.trailers = std::move(fields);
  } else if (status < 200) {
    answer.interims.push_back(status);
  } else {
    answer.status = status;
    answer.fields = std::move(fields);
  }
}

Frame Session::await(std::uint8_t type) {
  while (true) {
    Frame got = next();
    if (got.type == type || got.type == end_of_connection) return got;
  }
}

const Answer& Session::answer(std::uint32_t stream) {
  const Answer& answer = answers_[stream];
  while (!answer.whole && !answer.was_reset() && next().type != end_of_connection) {
  }
  return answer;
}

std::uint32_t Session::reset_of(std::uint32_t stream) {
  const Answer& answer = answers_[stream];
  while (!answer.was_reset() && next().type != end_of_connection) {
  }
  return answer.reset;
}

int Session::status(std::uint32_t stream) {
  const Answer& answer = answers_[stream];
  while (answer.status == 0 && !answer.was_reset() && next().type != end_of_connection) {
  }
  return answer.status;
}

std::uint32_t Session::goaway_error() {
  const Frame got = await(goaway);
  return got.type == end_of_connection ? 0xffffffff : number(std::string_view(got.payload).substr(4, 4));
}

std::uint32_t Session::told(std::uint16_t id) const {
  const auto found = told_.find(id);
  return found == told_.end() ? 0 : found->second;
}

EntryDraft cleartext(std::vector<HttpRoutePtr> routes) {
  EntryDraft draft = entry("web", std::move(routes));
  draft.http2_cleartext = true;
  return draft;
}

std::string refusals(std::string_view reason) {
  return "gatehouse_entrypoint_http2_refusals_total{entrypoint=\"web\",reason=\"" + std::string(reason) + "\"}";
}

}  // namespace gatehouse::h2
