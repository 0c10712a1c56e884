#include "tests/doubles/proxy/either_version.h"

#include <algorithm>

namespace gatehouse {
namespace {

std::string lowered(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return name;
}

bool states_a_length(const Fields& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const auto& field) { return lowered(field.first) == "content-length"; });
}

std::string lines(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out.append(name).append(": ").append(value).append("\r\n");
  return out;
}

std::string block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += h2::field(lowered(name), value);
  return out;
}

std::string chunk(std::string_view piece) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  return std::string(size).append(piece).append("\r\n");
}

std::string last_chunk(const Fields& trailers) { return "0\r\n" + lines(trailers) + "\r\n"; }

// A message of HTTP/1 that is read as it comes.
class MessageOfHttp1 {
 public:
  explicit MessageOfHttp1(Peer& peer) : peer_(peer) {}

  const Message& head() {
    message_ = {};
    message_.head = peer_.read_until("\r\n\r\n");
    message_.start_line = message_.head.substr(0, message_.head.find("\r\n"));
    chunked_ = message_.field("transfer-encoding") == "chunked";
    left_ = 0;
    if (const std::string length = message_.field("content-length"); !length.empty()) left_ = std::stoull(length);
    message_.whole = message_.head.ends_with("\r\n\r\n") && !chunked_ && left_ == 0;
    return message_;
  }
  bool has_head() const { return !message_.head.empty(); }
  const Message& so_far() const { return message_; }
  // Reads until there are so many bytes that nobody has had yet.
  std::string body(std::size_t count) {
    while (message_.body.size() - had_ < count && !over() && piece()) {
    }
    const std::string out = message_.body.substr(had_, count);
    had_ += out.size();
    return out;
  }
  const Message& all() {
    while (!over() && piece()) {
    }
    return message_;
  }

 private:
  bool over() const { return message_.whole || message_.head.empty(); }
  // False: the connection has ended.
  bool piece() {
    if (chunked_) return next_chunk();
    const std::string byte = peer_.read(1);
    message_.body += byte;
    message_.whole = !byte.empty() && --left_ == 0;
    return !byte.empty();
  }
  bool next_chunk() {
    const std::string line = peer_.read_until("\r\n");
    if (!line.ends_with("\r\n")) return false;
    const std::size_t size = std::stoull(line, nullptr, 16);
    if (size == 0) return read_trailers();
    const std::string bytes = peer_.read(size);
    message_.body += bytes;
    return bytes.size() == size && peer_.read(2) == "\r\n";
  }
  bool read_trailers() {
    std::string line = peer_.read_until("\r\n");
    for (; line.ends_with("\r\n") && line != "\r\n"; line = peer_.read_until("\r\n")) message_.trailers += line;
    return message_.whole = line == "\r\n";
  }

  Peer& peer_;
  Message message_;
  bool chunked_ = false;
  std::uint64_t left_ = 0;
  std::size_t had_ = 0;
};

class ClientOfHttp1 final : public SomeClient {
 public:
  explicit ClientOfHttp1(TestProxy& proxy) : peer_(proxy.connect()) {}

  void ask(const Asked& asked) override {
    chunked_ = (asked.more || !asked.body.empty()) && !states_a_length(asked.fields);
    std::string out = asked.method + " " + asked.path + " HTTP/1.1\r\nHost: " + asked.host + "\r\n";
    out += lines(asked.fields) + (chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    peer_.send(out);
    if (!asked.body.empty()) send(asked.body);
    if (!asked.more) end({});
  }
  void send(std::string_view piece) override { peer_.send(chunked_ ? chunk(piece) : std::string(piece)); }
  void end(const Fields& trailers) override {
    if (chunked_) peer_.send(last_chunk(trailers));
  }
  int status() override { return answer_.head().status(); }
  std::string body(std::size_t count) override {
    read_final_head();
    return answer_.body(count);
  }
  const Message& answer() override {
    read_final_head();
    return answer_.all();
  }
  void leave() override { peer_.close(); }
  void shutdown_write() override { peer_.shutdown_write(); }

 private:
  void read_final_head() {
    while (!answer_.has_head() || answer_.so_far().status() / 100 == 1)
      if (answer_.head().head.empty()) break;
  }

  RawPeer peer_;
  MessageOfHttp1 answer_{peer_};
  bool chunked_ = false;
};

Message as_message(const h2::Answer& from) {
  Message message;
  const auto pseudo = [&](const std::string& name) { return from.fields.contains(name) ? from.fields.at(name) : ""; };
  message.start_line = from.status == 0 ? pseudo(":method") + " " + pseudo(":path") + " HTTP/1.1"
                                        : "HTTP/1.1 " + std::to_string(from.status) + " ";
  message.head = message.start_line + "\r\n";
  for (const auto& [name, value] : from.fields)
    if (!name.starts_with(':') || name == ":authority")
      message.head += (name == ":authority" ? "host" : name) + ": " + value + "\r\n";
  message.head += "\r\n";
  message.body = from.body;
  for (const auto& [name, value] : from.trailers) message.trailers += name + ": " + value + "\r\n";
  message.whole = from.whole;
  return message;
}

// A stream of HTTP/2 that is read as it comes.
class MessageOfHttp2 {
 public:
  MessageOfHttp2(h2::Session& session, std::uint32_t stream) : session_(session), stream_(stream) {}

  std::string body(std::size_t count) {
    while (so_far().body.size() - had_ < count && !so_far().whole && read_on()) {
    }
    const std::string out = so_far().body.substr(had_, count);
    had_ += out.size();
    return out;
  }
  const Message& head() { return message_ = as_message(so_far()); }
  const Message& all() { return message_ = as_message(session_.answer(stream_)); }
  // The next frame of any stream; false: this one has been reset, or the connection ended.
  bool read_on() { return !so_far().was_reset() && session_.next().type != h2::end_of_connection; }
  const h2::Answer& so_far() const { return session_.so_far(stream_); }

 private:
  h2::Session& session_;
  const std::uint32_t stream_;
  Message message_;
  std::size_t had_ = 0;
};

class ClientOfHttp2 final : public SomeClient {
 public:
  explicit ClientOfHttp2(TestProxy& proxy) : client_(proxy) {}

  void ask(const Asked& asked) override {
    const bool last = asked.body.empty() && !asked.more;
    const std::string head = h2::field(":method", asked.method) + h2::field(":scheme", "http") +
                             h2::field(":authority", asked.host) + h2::field(":path", asked.path) + block(asked.fields);
    const int flags = h2::end_headers | (last ? h2::end_stream : 0);
    client_.send(h2::frame(h2::headers, static_cast<std::uint8_t>(flags), 1, head));
    if (!asked.body.empty()) client_.send(h2::frame(h2::data, asked.more ? 0 : h2::end_stream, 1, asked.body));
  }
  void send(std::string_view piece) override { client_.send(h2::frame(h2::data, 0, 1, piece)); }
  void end(const Fields& trailers) override {
    if (trailers.empty())
      client_.send(h2::frame(h2::data, h2::end_stream, 1));
    else
      client_.send(h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1, block(trailers)));
  }
  int status() override {
    const h2::Answer& got = answer_.so_far();
    while (got.interims.size() == interims_ && got.status == 0 && answer_.read_on()) {
    }
    return interims_ < got.interims.size() ? got.interims[interims_++] : got.status;
  }
  std::string body(std::size_t count) override { return answer_.body(count); }
  const Message& answer() override { return answer_.all(); }
  void leave() override { client_.send(h2::reset(1)); }
  void shutdown_write() override { client_.peer().shutdown_write(); }

 private:
  h2::Client client_;
  MessageOfHttp2 answer_{client_, 1};
  std::size_t interims_ = 0;
};

class ExchangeOfHttp1 final : public SomeExchange {
 public:
  explicit ExchangeOfHttp1(RawPeer peer) : peer_(std::move(peer)) {}

  const Message& request_head() override { return request_.has_head() ? request_.so_far() : request_.head(); }
  std::string body(std::size_t count) override {
    request_head();
    return request_.body(count);
  }
  const Message& request() override {
    request_head();
    return request_.all();
  }
  void interim(int status, const Fields& fields) override {
    peer_.send("HTTP/1.1 " + std::to_string(status) + " Interim\r\n" + lines(fields) + "\r\n");
  }
  void head(int status, const Fields& fields) override {
    chunked_ = !states_a_length(fields);
    peer_.send("HTTP/1.1 " + std::to_string(status) + " Final\r\n" + lines(fields) +
               (chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n"));
  }
  void send(std::string_view piece) override { peer_.send(chunked_ ? chunk(piece) : std::string(piece)); }
  void end(const Fields& trailers) override {
    if (chunked_) peer_.send(last_chunk(trailers));
  }
  void cut() override { peer_.close(); }
  bool is_called_off() override { return peer_.await_end() != Peer::End::none; }
  bool something_follows(int within_ms) override { return peer_.readable_within(within_ms); }

 private:
  RawPeer peer_;
  MessageOfHttp1 request_{peer_};
  bool chunked_ = false;
};

class ExchangeOfHttp2 final : public SomeExchange {
 public:
  ExchangeOfHttp2(h2::ServerEnd& session, std::uint32_t stream)
      : session_(session), stream_(stream), request_(session, stream) {}

  const Message& request_head() override { return request_.head(); }
  std::string body(std::size_t count) override { return request_.body(count); }
  const Message& request() override { return request_.all(); }
  void interim(int status, const Fields& fields) override {
    session_.send(h2::answer_head(stream_, std::to_string(status), block(fields)));
  }
  void head(int status, const Fields& fields) override { interim(status, fields); }
  void send(std::string_view piece) override { session_.send(h2::frame(h2::data, 0, stream_, piece)); }
  void end(const Fields& trailers) override {
    if (trailers.empty())
      session_.send(h2::frame(h2::data, h2::end_stream, stream_));
    else
      session_.send(h2::frame(h2::headers, h2::end_headers | h2::end_stream, stream_, block(trailers)));
  }
  void cut() override { session_.send(h2::reset(stream_)); }
  bool is_called_off() override { return session_.reset_of(stream_) == h2::cancel; }
  bool something_follows(int within_ms) override {
    while (dynamic_cast<RawPeer&>(session_.peer()).readable_within(within_ms))
      if (const auto type = session_.next().type; type == h2::headers || type == h2::data) return true;
    return false;
  }

 private:
  h2::ServerEnd& session_;
  const std::uint32_t stream_;
  MessageOfHttp2 request_;
};

}  // namespace

void SomeExchange::answer(int status, std::string_view body, Fields fields) {
  fields.emplace_back("content-length", std::to_string(body.size()));
  head(status, fields);
  send(body);
  end();
}

std::unique_ptr<SomeClient> some_client(TestProxy& proxy, bool http2) {
  if (http2) return std::make_unique<ClientOfHttp2>(proxy);
  return std::make_unique<ClientOfHttp1>(proxy);
}

void SomeUpstream::accept() {
  if (!session_) session_ = std::make_unique<h2::ServerEnd>(listener_.accept());
}

bool SomeUpstream::read_head() {
  while (true) {
    const h2::Frame got = session_->next();
    if (got.type == h2::end_of_connection) return false;
    const bool ends = (got.type == h2::headers || got.type == h2::continuation) && (got.flags & h2::end_headers) != 0;
    if (!ends || got.stream <= last_) continue;
    waiting_.push_back(last_ = got.stream);
    return true;
  }
}

std::unique_ptr<SomeExchange> SomeUpstream::next() {
  if (!http2_) return std::make_unique<ExchangeOfHttp1>(listener_.accept());
  accept();
  if (waiting_.empty() && !read_head()) throw std::runtime_error("the connection ended without another request");
  const std::uint32_t stream = waiting_.front();
  waiting_.pop_front();
  return std::make_unique<ExchangeOfHttp2>(*session_, stream);
}

bool SomeUpstream::pending(int within_ms) {
  if (!session_ || listener_.pending()) return listener_.pending(within_ms);
  auto& raw = dynamic_cast<RawPeer&>(session_->peer());
  while (waiting_.empty() && raw.readable_within(within_ms)) {
    const h2::Frame got = session_->next();
    if (got.type == h2::end_of_connection) return false;
    if (got.type == h2::headers && got.stream > last_) waiting_.push_back(last_ = got.stream);
  }
  return !waiting_.empty();
}

}  // namespace gatehouse
