#include "proxy/upstream/attempt.h"

#include "proxy/http/chunked.h"
#include "proxy/http/grpc.h"
#include "proxy/http/http1_parser.h"
#include "proxy/upstream/picker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <exception>

namespace gatehouse {
namespace {

constexpr std::size_t response_head_limit = 128 * 1024;  // Rails answers carry large Set-Cookie and CSP fields
constexpr HeadLimits response_limits{.target_bytes = 0, .fields = 512};
constexpr int most_interims = 10;

}  // namespace

Attempt::Attempt(Exchange& exchange, UpstreamConnection& upstream, const Service& service, std::string_view head,
                 std::optional<BodyPiece> first)
    : exchange_(exchange),
      upstream_(upstream),
      service_(service),
      head_(head),
      first_(first),
      owes_continue_(exchange.request().expect_continue),
      uploaded_(upstream.plain().socket().get_executor(), TimePoint::max()) {}

// Whatever the upstream still does for it is in vain. Half a body must not look like a whole one.
void Attempt::lose_client() {
  client_lost_ = true;
  if (upload_complete_)
    upstream_.close();
  else
    upstream_.plain().abort();
}

Awaitable<Result<void>> Attempt::run() {
  exchange_.when_gone([this] { lose_client(); });
  Result<void> result;
  std::exception_ptr bug;
  try {
    result = co_await send_and_receive();
  } catch (...) {
    bug = std::current_exception();
  }
  exchange_.when_gone(nullptr);
  if (bug) std::rethrow_exception(bug);
  // Not the upstream's fault then; what the client did wrong before it left stays said.
  if (!result && client_lost_ && row(result.error().kind).fault != Fault::client)
    co_return Failure(FailureKind::client_gone);
  co_return result;
}

Awaitable<Result<void>> Attempt::send_and_receive() {
  const error_code error = co_await send_body(first_.value_or(BodyPiece{}));
  // A failed write may mean that the answer came early; only reading tells. A dead pooled connection has none.
  if (error && upstream_.reused) co_return Failure(FailureKind::upstream_closed, error.message());
  upload_complete_ = exchange_.body_ended();
  if (!upload_complete_) {
    uploading_ = upload_running_ = true;
    asio::co_spawn(uploaded_.get_executor(), upload(), [this](std::exception_ptr) {
      upload_running_ = false;
      uploaded_.cancel();
    });
  }
  Result<void> received;
  std::exception_ptr bug;
  try {
    received = co_await receive();
  } catch (...) {
    bug = std::current_exception();
  }
  upstream_.reading.clear();
  const std::optional<Failure> upload_failure = upload_failure_;  // that joining it brings about says nothing
  if (uploading_) co_await join_upload();
  if (bug) std::rethrow_exception(bug);
  if (!received && upload_failure) co_return *upload_failure;
  co_return received;
}

// A piece of the body framed as the request is, with the head before it if that has not been sent yet.
Awaitable<error_code> Attempt::send_body(BodyPiece piece) {
  const bool chunked = exchange_.request().body.kind == BodyKind::chunked;
  const ChunkSizeLine size_line(piece.bytes.size());
  std::string tail = chunked && !piece.bytes.empty() ? "\r\n" : "";
  if (chunked && piece.last) write_trailers(tail.append("0\r\n"), exchange_.request_trailers());
  const std::string_view line = chunked && !piece.bytes.empty() ? size_line.text() : std::string_view{};
  std::array buffers{buffer_of(head_), buffer_of(line), buffer_of(piece.bytes), buffer_of(tail)};
  std::span<asio::const_buffer> rest(buffers);
  error_code error;
  if (!upstream_.stream().write_now(rest, error)) {
    upstream_.writing.within(service_.timeouts.idle);
    error = co_await upstream_.stream().write(rest);
    upstream_.writing.clear();
  }
  head_ = {};
  if (!error) bytes_in_ += piece.bytes.size();
  co_return error;
}

Awaitable<void> Attempt::upload() {
  while (!exchange_.body_ended()) {
    auto piece = co_await exchange_.next_piece();
    if (!piece) {
      // Half a body must not look like a whole one: the connection goes, not just its writing side.
      upload_failure_ = piece.error();
      upstream_.plain().abort();
      co_return;
    }
    // It did not wait for the 100: from here on the upload takes as long as it takes.
    if (std::exchange(owes_continue_, false) && awaiting_head_) upstream_.reading.clear();
    if (co_await send_body(*piece)) {
      exchange_.drop_body();
      co_return;  // the answer may be here already
    }
  }
  upload_complete_ = true;
  if (!awaiting_head_) co_return;
  upstream_.reading.within(service_.timeouts.answer);
}

Awaitable<void> Attempt::join_upload() {
  error_code ignored;
  while (upload_running_) {
    upstream_.close();
    exchange_.stop_body();
    // Repeated, because ending the pull may meet it between two waits.
    uploaded_.expires_after(std::chrono::milliseconds(100));
    co_await uploaded_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

Awaitable<Result<void>> Attempt::receive() {
  for (int interims = 1;; ++interims) {
    auto head = co_await receive_head();
    if (!head) co_return head.error();
    if (!upstream_.response.interim()) break;
    auto passed = co_await pass_on_interim(interims);
    if (!passed) co_return passed.error();
  }
  const ResponseHead& response = upstream_.response;
  if (response.status == 101) {
    if (exchange_.request().upgrade.empty() || response.upgrade.empty())
      co_return Failure(FailureKind::bad_answer, "101 without an upgrade");
    // What came before the client could know of the tunnel is no part of it, or requests could be smuggled through.
    if (!exchange_.awaits_tunnel()) co_return Failure(FailureKind::bad_request, "bytes before the upgrade was granted");
    status_sent_ = 101;
    co_return co_await exchange_.send_head(response, {{}, true}, {}, {});
  }
  co_return co_await pass_on_body();
}

Awaitable<Result<void>> Attempt::pass_on_interim(int number) {
  if (upstream_.response.status == 100) owes_continue_ = false;
  if (number > most_interims) co_return Failure(FailureKind::bad_answer, "too many interim answers");
  auto sent = co_await exchange_.send_interim(upstream_.response);
  if (!sent) co_return sent.error();
  upstream_.inbox().release_head();
  co_return Result<void>();
}

Awaitable<Result<void>> Attempt::receive_head() {
  Inbox& inbox = upstream_.inbox();
  HeadEnd end;
  awaiting_head_ = true;
  if (upload_complete_ || owes_continue_) upstream_.reading.within(service_.timeouts.answer);
  // Nothing can be here before the upstream has thought.
  if (inbox.unread().empty()) {
    if (co_await upstream_.stream().wait_readable()) co_return reading_failure(FailureKind::upstream_closed);
  }
  while (true) {
    auto size = end.find(inbox.unread());
    if (!size) co_return Failure(FailureKind::bad_answer, size.error().detail);
    if (*size > 0) {
      auto parsed = parse_response_head(inbox.unread().substr(0, *size), response_limits, exchange_.request().method,
                                        upstream_.response);
      inbox.keep_head(*size);
      awaiting_head_ = false;
      upstream_.reading.clear();
      co_return parsed;
    }
    if (inbox.unread().size() >= response_head_limit)
      co_return Failure(FailureKind::bad_answer, "the head is too large");
    const bool nothing_yet = inbox.unread().empty();
    auto read = inbox.gather_now(response_head_limit);
    if (!read && would_block(read.error())) {
      const error_code error = co_await upstream_.stream().wait_readable();
      if (!error) continue;
    }
    if (read && *read > 0) continue;
    co_return reading_failure(nothing_yet ? FailureKind::upstream_closed : FailureKind::bad_answer);
  }
}

Awaitable<Result<void>> Attempt::pass_on_body() {
  const ResponseHead& response = upstream_.response;
  Http1Body body(upstream_.inbox(), upstream_.reading, response.body, service_.timeouts.idle, response_body_failures);
  auto first = body.next_now();
  if (!first) co_return first.error();
  const std::string cookie =
      new_sticky_cookie(service_, exchange_.request().find(HeaderId::cookie), upstream_.endpoint());
  auto sent = co_await exchange_.send_head(response, first->value_or(BodyPiece{}), body.trailers(), cookie);
  status_sent_ = response.status;
  bytes_out_ = body.received();
  while (sent && !body.ended()) {
    auto piece = co_await body.next();
    if (!piece) co_return piece.error();
    sent = co_await exchange_.send_piece(*piece, body.trailers());
    bytes_out_ = body.received();
  }
  if (sent) grpc_status_ = outcome_of_call(exchange_.request(), response.status, response.fields, body.trailers());
  upstream_.inbox().release_head();
  reusable_ = sent && response.keep_alive && upload_complete_ && upstream_.inbox().unread().empty();
  co_return sent;
}

Failure Attempt::reading_failure(FailureKind broken_off) const {
  if (client_lost_) return Failure(FailureKind::client_gone);
  if (upstream_.reading.expired()) return Failure(FailureKind::answer_timeout, upstream_.endpoint().text());
  return Failure(broken_off, upstream_.endpoint().text());
}

}  // namespace gatehouse
