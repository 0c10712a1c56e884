// Whatever a client sends, the HTTP/2 server ends well: it stays within its memory, says nothing after its end, and
// what it says are whole frames, none on a stream that it has ended. Upstreams get requests that parse again.
//
// The first byte chooses how the rest is read, the second how much of it comes at once. Bits of the first: 0, the
// preface and settings come first; 1, the rest are frames without their length (type, flags, stream, size, payload);
// 2, writes have to wait; 3, time passes between reads.
#include "proxy/http/header_rules.h"
#include "proxy/http/http2_server.h"
#include "tests/doubles/manual_clock.h"
#include "tests/fuzz/promise.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sanitizer/allocator_interface.h>

#include <set>

namespace {

using namespace gatehouse;
using namespace std::string_view_literals;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t most_memory = 1024 * 1024;
constexpr std::size_t frame_head = 9;
enum : std::uint8_t { data_frame = 0, headers = 1, rst_stream = 3, goaway = 7, continuation = 9 };

struct Plan {
  bool greeted, framed, slow_writes, time_passes;
  std::size_t at_once;
};

// What the client sends, and all that it is told.
class MemoryStream final : public Stream {
 public:
  MemoryStream(std::string input, Plan plan, PlainStream& plain, ManualClock& clock, Deadlines& deadlines)
      : input_(std::move(input)), plan_(plan), plain_(plain), clock_(clock), deadlines_(deadlines) {}

  IoResult<std::size_t> read_now(asio::mutable_buffer buffer) override {
    if (++reads_ % 16 == 1) check_memory();
    if (!plain_.socket().is_open()) return error_code(asio::error::operation_aborted);
    if (ready_ = !ready_; ready_ && read_ < input_.size()) return error_code(asio::error::would_block);
    const std::size_t count = std::min({buffer.size(), plan_.at_once, input_.size() - read_});
    std::memcpy(buffer.data(), input_.data() + read_, count);
    read_ += count;
    return count;
  }
  bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) override {
    promise(!ended_, "nothing is said after the end");
    if (!plain_.socket().is_open()) return error = asio::error::operation_aborted, true;
    if (plan_.slow_writes && ++writes_ % 3 != 0) return false;
    for (; !buffers.empty(); buffers = buffers.subspan(1))
      output_.append(static_cast<const char*>(buffers.front().data()), buffers.front().size());
    return true;
  }
  Awaitable<error_code> wait_readable() override {
    co_await asio::post(asio::use_awaitable);
    if (plan_.time_passes) {
      clock_.advance(std::chrono::seconds(1));
      deadlines_.expire_due();
    }
    co_return error_code();
  }
  Awaitable<error_code> wait_writable() override {
    co_await asio::post(asio::use_awaitable);
    co_return error_code();
  }
  Awaitable<void> shutdown_write() override {
    ended_ = true;
    co_return;
  }
  void close() override { plain_.close(); }
  void abort() override { plain_.abort(); }
  bool idle_and_open() override { return false; }
  bool peer_gone() override { return read_ == input_.size(); }
  Socket* plain_socket() override { return nullptr; }

  std::string_view output() const { return output_; }
  void check_memory() const {
    promise(__sanitizer_get_current_allocated_bytes() < memory_ + most_memory, "memory is bounded");
  }

 private:
  const std::string input_;
  const Plan plan_;
  PlainStream& plain_;
  ManualClock& clock_;
  Deadlines& deadlines_;
  const std::size_t memory_ = __sanitizer_get_current_allocated_bytes();
  std::size_t read_ = 0, reads_ = 0, writes_ = 0;
  bool ready_ = false, ended_ = false;
  std::string output_;
};

void check_forwarded(const RequestHead& request) {
  std::string head;
  write_upstream_request(head, request, {.client_address = "192.0.2.1", .peer_address = "192.0.2.1"}, "");
  HeadEnd end;
  const auto found = end.find(head);
  promise(found && *found == head.size(), "what is forwarded is one head");
  RequestHead again;
  promise(parse_request_head(head, {.target_bytes = 1 << 20, .fields = 1000}, again).has_value(), "that parses");
  promise(again.method == request.method && again.target == request.target && again.body == request.body, "the same");
}

// An upstream that reads everything and answers as much as the path is long, or at once where that begins with /e.
Awaitable<void> serve(Http2Exchange& exchange) {
  exchange.set_origin({"192.0.2.1", "192.0.2.1", false, false}, "Thu, 01 Jan 2026 00:00:00 GMT");
  if (!exchange.head()) {
    (void)co_await exchange.respond(400, {}, "no");
    co_return;
  }
  const RequestHead& request = exchange.request();
  check_forwarded(request);
  const bool early = request.path.starts_with("/e");
  while (!early) {
    auto piece = co_await exchange.next_piece();
    if (!piece) co_return exchange.break_off();
    if (piece->last) break;
  }
  ResponseHead answer;
  answer.status = request.path.starts_with("/n") ? 204 : 200;
  answer.body = {answer.status == 204 || request.method == "HEAD" ? BodyKind::none : BodyKind::until_close, 0};
  const std::string body(request.path.size() * 40, 'x');
  const std::vector<HeaderField> trailers{{"x-sum", "1"}};
  (void)co_await exchange.send_head(answer, {body, true}, trailers, {});
  exchange.drop_body();
}

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (const char c : bytes.substr(at, size)) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

void check_output(std::string_view bytes, bool whole) {
  std::set<std::uint32_t> over;
  bool said_error = false;
  while (bytes.size() >= frame_head) {
    const std::size_t size = number_at(bytes, 0, 3);
    const auto type = static_cast<std::uint8_t>(bytes[3]), flags = static_cast<std::uint8_t>(bytes[4]);
    const std::uint32_t stream = number_at(bytes, 5, 4);
    if (bytes.size() < frame_head + size) break;
    promise(size <= 16384, "a frame has the size that the client takes");
    promise(!said_error, "an error is the last word");
    const bool speaks = type == data_frame || type == headers || type == continuation;
    promise(!speaks || !over.contains(stream), "a stream that is over stays silent");
    if (type == rst_stream || (speaks && type != continuation && (flags & 1) != 0)) over.insert(stream);
    said_error = type == goaway && number_at(bytes, frame_head + 4, 4) != 0;
    bytes.remove_prefix(frame_head + size);
  }
  promise(!whole || bytes.empty(), "frames are whole");
}

// Type, flags, stream, size (of one byte, and of a second one in steps of 256) and payload become frames.
std::string as_frames(std::string_view bytes) {
  std::string frames;
  while (bytes.size() >= 5) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    const std::size_t size = std::min<std::size_t>(byte(3) + std::size_t{256} * (byte(4) % 80), bytes.size() - 5);
    for (const int shift : {16, 8, 0}) frames.push_back(static_cast<char>(size >> shift & 0xff));
    frames.append({bytes[0], bytes[1], 0, 0, 0, bytes[2]}).append(bytes.substr(5, size));
    bytes.remove_prefix(5 + size);
  }
  return frames;
}

Http2Terms terms() {
  using namespace std::chrono_literals;
  Http2Terms terms;
  terms.limits.streams = 16;
  terms.limits.stream_window = terms.limits.connection_window = 64 * 1024;
  terms.limits.heads_bytes = 128 * 1024;
  terms.limits.idle_frames = 50;
  terms.limits.resets = 20;
  terms.head_bytes = 16 * 1024;
  terms.limits.head_bytes = 16 * 1024;
  terms.head_time = 10s;
  terms.keep_alive = 30s;
  terms.body_idle = terms.write_idle = 20s;
  return terms;
}

void run(std::string input, Plan plan) {
  static asio::io_context io(1);
  static Buffers buffers;
  io.restart();
  ManualClock clock;
  Deadlines deadlines(clock);
  PlainStream plain(Socket(io, asio::generic::stream_protocol(AF_UNIX, 0)));
  MemoryStream stream(std::move(input), plan, plain, clock, deadlines);
  Inbox inbox(stream, buffers);
  Deadline reading(deadlines, plain);
  StallLimit writing(deadlines, plain);
  Http2Refusals refusals{};
  Turns requests(io, 1);
  TurnsByAddress costly(io, 1);
  Http2Connection connection({io.get_executor(), stream, plain, inbox, deadlines, requests,
                              [&costly] { return costly.next({}); }, reading, writing, clock, refusals},
                             terms(), serve);
  bool ended = false;
  asio::co_spawn(io, connection.run(), [&](std::exception_ptr bug, Result<void>) {
    promise(!bug, "there is no exception");
    ended = true;
  });
  io.run();
  promise(ended, "the connection ends when its client does");
  stream.check_memory();
  check_output(stream.output(), plain.socket().is_open());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Plan plan{.greeted = (data[0] & 1) != 0,
                  .framed = (data[0] & 2) != 0,
                  .slow_writes = (data[0] & 4) != 0,
                  .time_passes = (data[0] & 8) != 0,
                  .at_once = data[1] < 16 ? data[1] + std::size_t{1} : std::size_t{data[1]} * data[1]};
  const std::string_view bytes = as_text(data + 2, size - 2);
  std::string input;
  if (plan.greeted) input.append(preface).append("\0\0\0\4\0\0\0\0\0"sv);
  run(input.append(plan.framed ? as_frames(bytes) : std::string(bytes)), plan);
  return 0;
}
