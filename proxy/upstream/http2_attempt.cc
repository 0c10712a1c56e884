#include "proxy/upstream/http2_attempt.h"

#include "proxy/http/grpc.h"
#include "proxy/http/http2_request_fields.h"
#include "proxy/upstream/picker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <utility>

namespace gatehouse {
namespace {

// RFC 9113 §6.5.2
std::size_t size_of(const Http2RequestFields& head) {
  constexpr std::size_t overhead = 32;
  const auto& line = head.line;
  std::size_t size = line.method.size() + line.scheme.size() + line.authority.size() + line.path.size() + 5 * overhead +
                     std::string_view(":method:scheme:authority:path:protocolwebsocket").size();
  for (const auto& field : head.fields) size += field.name.size() + field.value.size() + overhead;
  return size;
}

}  // namespace

Http2Attempt::Http2Attempt(Exchange& exchange, std::shared_ptr<Http2Upstream> upstream, const Service& service,
                           std::string_view head, std::optional<BodyPiece> first)
    : exchange_(exchange),
      upstream_(std::move(upstream)),
      service_(service),
      head_(head),
      first_(first),
      stream_(upstream_, exchange.request().method, service.timeouts.idle),
      owes_continue_(exchange.request().expect_continue),
      uploaded_(upstream_->executor(), TimePoint::max()) {}

// Whatever the upstream still does for it is in vain.
void Http2Attempt::lose_client() {
  client_lost_ = true;
  stream_.cancel(Failure(FailureKind::client_gone));
}

Awaitable<Result<void>> Http2Attempt::run() {
  exchange_.when_gone([this] { lose_client(); });
  Result<void> result;
  std::exception_ptr bug;
  try {
    result = co_await send_and_receive();
  } catch (...) {
    bug = std::current_exception();
  }
  exchange_.when_gone(nullptr);
  stream_.clear_limit();
  const std::optional<Failure> upload_failure = upload_failure_;  // that joining it brings about says nothing
  if (upload_running_) co_await join_upload();
  if (bug) std::rethrow_exception(bug);
  if (result) co_return result;
  if (upload_failure) co_return *upload_failure;
  // Not the upstream's fault then; what the client did wrong before it left stays said.
  if (client_lost_ && row(result.error().kind).fault != Fault::client) co_return Failure(FailureKind::client_gone);
  co_return result;
}

Awaitable<Result<void>> Http2Attempt::send_and_receive() {
  const RequestHead& request = exchange_.request();
  websocket_ = request.method == "GET" && same_name(request.upgrade, "websocket");
  if (websocket_ && !upstream_->opens_tunnels())
    co_return Failure(FailureKind::upgrade_refused,
                      "no WebSockets over HTTP/2 (RFC 8441) at " + upstream_->link().endpoint().text());
  if (client_lost_) co_return Failure(FailureKind::client_gone);
  auto opened = open();
  if (!opened) co_return opened.error();
  if (websocket_)
    upload_complete_ = true;  // nothing is sent before the tunnel
  else
    begin_upload();
  co_return co_await receive();
}

Result<void> Http2Attempt::open() {
  const RequestHead& request = exchange_.request();
  const Http2RequestFields head = http2_request_fields(head_, request, service_.tls ? "https" : "http", websocket_);
  const bool body = websocket_ || request.body.kind != BodyKind::none;
  if (size_of(head) > upstream_->head_allowed())
    return Failure(FailureKind::head_too_large,
                   "for the upstream, which takes " + std::to_string(upstream_->head_allowed()) + " bytes (HTTP/2)");
  opened_ = stream_.open(head.line, head.fields, body);
  if (!opened_) return Failure(FailureKind::upstream_closed, upstream_->link().endpoint().text());
  return {};
}

void Http2Attempt::begin_upload() {
  if (exchange_.request().body.kind == BodyKind::none) {
    upload_complete_ = true;
    return;
  }
  const BodyPiece first = first_.value_or(BodyPiece{});
  const bool at_once = stream_.send_now(first, exchange_.request_trailers());
  if (at_once) bytes_in_ += first.bytes.size();
  upload_complete_ = at_once && first.last;
  if (upload_complete_) return;
  upload_running_ = true;
  asio::co_spawn(uploaded_.get_executor(), upload(at_once ? BodyPiece{} : first), [this](std::exception_ptr bug) {
    upload_running_ = false;
    if (bug) lose_client();
    uploaded_.cancel();
  });
}

Awaitable<void> Http2Attempt::upload(BodyPiece piece) {
  while (true) {
    if (!piece.bytes.empty() || piece.last) {
      const auto sent = co_await stream_.send(piece, exchange_.request_trailers());
      if (!sent) {
        if (pulled_) exchange_.drop_body();
        co_return;  // the answer may be here already
      }
      bytes_in_ += piece.bytes.size();
      if (piece.last) break;
    }
    pulling_ = pulled_ = true;
    auto next = co_await exchange_.next_piece();
    pulling_ = false;
    if (!next) {
      // Half a body must not look like a whole one.
      upload_failure_ = next.error();
      stream_.cancel(next.error());
      co_return;
    }
    // It did not wait for the 100: from here on the upload takes as long as it takes.
    if (std::exchange(owes_continue_, false) && awaiting_head_) stream_.clear_limit();
    piece = *next;
  }
  upload_complete_ = true;
  if (awaiting_head_) limit_answer();
}

Awaitable<void> Http2Attempt::join_upload() {
  error_code ignored;
  while (upload_running_) {
    stream_.stop_sending();
    if (pulling_) exchange_.stop_body();
    // Repeated, because ending the pull may meet it between two waits.
    uploaded_.expires_after(std::chrono::milliseconds(100));
    co_await uploaded_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void Http2Attempt::limit_answer() {
  if (upload_complete_ || owes_continue_) stream_.within(service_.timeouts.answer);
}

Awaitable<Result<void>> Http2Attempt::receive() {
  while (true) {
    awaiting_head_ = true;
    limit_answer();
    auto head = co_await stream_.next_head();
    awaiting_head_ = false;
    stream_.clear_limit();
    if (!head) co_return head.error();
    if (!head->interim()) {
      if (websocket_ && head->status / 100 == 2) co_return co_await pass_on_tunnel(*head);
      co_return co_await pass_on_body(*head);
    }
    auto passed = co_await pass_on_interim(*head);
    if (!passed) co_return passed;
  }
}

Awaitable<Result<void>> Http2Attempt::pass_on_interim(const ResponseHead& head) {
  if (head.status == 100) owes_continue_ = false;
  return exchange_.send_interim(head);
}

// What HTTP/2 has as 200 is a 101 in HTTP/1 (RFC 8441 §5).
Awaitable<Result<void>> Http2Attempt::pass_on_tunnel(const ResponseHead& granted) {
  // What came before the client could know of the tunnel is no part of it.
  if (!exchange_.awaits_tunnel()) co_return Failure(FailureKind::bad_request, "bytes before the upgrade was granted");
  std::string accept;
  const ResponseHead head = websocket_granted(granted, exchange_.request(), accept);
  status_sent_ = 101;
  co_return co_await exchange_.send_head(head, {{}, true}, {}, {});
}

Awaitable<Result<void>> Http2Attempt::pass_on_body(const ResponseHead& head) {
  const bool bodyless = head.body.kind == BodyKind::none;
  auto first = bodyless ? Result<std::optional<BodyPiece>>(BodyPiece{{}, true}) : stream_.piece_now();
  if (!first) co_return first.error();
  const BodyPiece piece = first->value_or(BodyPiece{});
  const std::string cookie =
      new_sticky_cookie(service_, exchange_.request().find(HeaderId::cookie), upstream_->link().endpoint());
  auto sent = co_await exchange_.send_head(head, piece, stream_.trailers(), cookie);
  status_sent_ = head.status;
  bytes_out_ = piece.bytes.size();
  while (sent && !bodyless && !stream_.ended()) {
    stream_.within(service_.timeouts.idle);
    auto next = co_await stream_.next_piece();
    stream_.clear_limit();
    if (!next) co_return next.error();
    bytes_out_ += next->bytes.size();
    sent = co_await exchange_.send_piece(*next, stream_.trailers());
  }
  if (sent) grpc_status_ = outcome_of_call(exchange_.request(), head.status, head.fields, stream_.trailers());
  co_return sent;
}

}  // namespace gatehouse
