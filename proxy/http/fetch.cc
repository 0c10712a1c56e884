#include "proxy/http/fetch.h"

#include "base/names.h"
#include "base/socket_options.h"
#include "proxy/http/body.h"
#include "proxy/http/http1_parser.h"
#include "proxy/http/inbox.h"
#include "tls/handshake.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <exception>

namespace gatehouse {
namespace {

using Addresses = std::vector<asio::ip::address>;

constexpr std::size_t head_limit = 64 * 1024;
constexpr HeadLimits head_limits{.target_bytes = 0, .fields = 128};
constexpr int most_interims = 10;

bool harmless(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Result<std::string> request_head(const FetchRequest& request, const Url& url, const std::string& user_agent) {
  std::string head = request.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority();
  head.append("\r\nUser-Agent: ").append(user_agent).append("\r\n");
  for (const auto& [name, value] : request.headers) {
    if (!harmless(name) || !harmless(value)) return Failure(FailureKind::internal, "a line end in a header");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
    head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return head + "\r\n";
}

FetchResponse owned(const ResponseHead& head) {
  FetchResponse response;
  response.status = head.status;
  for (const HeaderField& field : head.fields) response.headers.emplace_back(field.name, field.value);
  return response;
}

// A look-up that may outlast the call that asked for it.
struct LookUp {
  explicit LookUp(asio::io_context& io) : done(io, TimePoint::max()) {}
  asio::steady_timer done;
  std::optional<Result<Addresses>> answer;
};

Awaitable<void> look_up(Fetcher::Resolve resolve, std::string name, std::shared_ptr<LookUp> shared) {
  auto answer = co_await resolve(std::move(name));
  shared->answer.emplace(std::move(answer));
}

}  // namespace

std::string_view FetchResponse::header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers)
    if (same_name(name, lower_name)) return value;
  return {};
}

class Fetcher::Connection {
 public:
  Connection(asio::io_context& io, Deadlines& deadlines, Buffers& buffers, std::string served)
      : origin(std::move(served)), plain(Socket(io)), inbox(plain, buffers), waiting(deadlines, plain) {}

  Stream& stream() { return tls_ ? *tls_ : static_cast<Stream&>(plain); }

  // Within `limit`, TLS included.
  Awaitable<Result<void>> open(Endpoint endpoint, Url url, std::shared_ptr<const tls::ClientContext> tls,
                               Duration limit) {
    waiting.within(limit);
    auto opened = co_await connect(endpoint);
    if (opened && url.tls) {
      auto secured = co_await tls::connect_tls(plain, tls, url.host);
      if (secured) tls_ = std::move(*secured);
      if (secured) inbox.attach(*tls_);
      if (!secured) opened = Failure(secured.error().kind, endpoint.text() + ": " + secured.error().detail);
    }
    if (!opened && waiting.expired()) opened = Failure(FailureKind::connect_timeout, endpoint.text());
    waiting.clear();
    co_return opened;
  }

  const std::string origin;
  PlainStream plain;

 private:
  Awaitable<Result<void>> connect(Endpoint endpoint) {
    Socket& socket = plain.socket();
    const asio::ip::tcp::endpoint address(endpoint.address, endpoint.port);
    error_code error;
    socket.open(asio::generic::stream_protocol(address.protocol()), error);
    if (error) co_return Failure(FailureKind::internal, error.message());
    socket.non_blocking(true, error);
    set_no_delay(socket.native_handle());
    const asio::generic::stream_protocol::endpoint generic(address);
    co_await socket.async_connect(generic, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return Failure(FailureKind::connect_failed, endpoint.text() + ": " + error.message());
    co_return Result<void>();
  }

  std::unique_ptr<Stream> tls_;

 public:
  Inbox inbox;
  Deadline waiting;
};

// One call, with everything that ends with it.
class Fetcher::Call final : private Alarm {
 public:
  // `terms`: null when the body is collected.
  Call(Fetcher& fetcher, Url url, std::string head, const FetchRequest& request, const StreamTerms* terms)
      : Alarm(fetcher.deadlines_),
        fetcher_(fetcher),
        url_(std::move(url)),
        origin_(url_.origin()),
        head_(std::move(head)),
        request_(request),
        terms_(terms),
        silence_(terms != nullptr ? terms->silence : Duration::zero()),
        limit_(terms != nullptr ? terms->limit : fetcher.settings_.limit),
        look_up_(std::make_shared<LookUp>(fetcher.io_)) {}

  Awaitable<Result<FetchResponse>> run() {
    within(limit_);
    connection_ = fetcher_.take_idle(origin_);
    if (connection_) {
      opened_ = true;
      auto response = co_await exchange();
      // The server may have closed an idle connection just now.
      const bool again = !response && !answer_begun_ && may_repeat() && !expired_ && !silent();
      if (!again) co_return settle(std::move(response));
    }
    opened_ = false;
    auto opened = co_await open();
    if (!opened) co_return settle(opened.error());
    opened_ = true;
    auto response = co_await exchange();
    co_return settle(std::move(response));
  }

 private:
  void due() override {
    expired_ = true;
    if (connection_) connection_->plain.close();
    look_up_->done.cancel();
  }

  bool silent() const { return connection_ && connection_->waiting.expired(); }
  bool endless() const { return limit_ == Duration::zero(); }

  bool may_repeat() const { return request_.repeatable || request_.method == "GET" || request_.method == "HEAD"; }

  Awaitable<Result<Addresses>> addresses() {
    if (const auto literal = parse_address(url_.host)) co_return Addresses{*literal};
    asio::co_spawn(fetcher_.io_, look_up(fetcher_.resolve_, url_.host, look_up_),
                   [shared = look_up_](std::exception_ptr thrown) {
                     if (thrown) shared->answer.emplace(Failure(FailureKind::internal, "the look-up threw"));
                     shared->done.cancel();
                   });
    error_code woken;
    if (!look_up_->answer) co_await look_up_->done.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (!look_up_->answer) co_return Failure(FailureKind::connect_timeout, "its name is not resolved in time");
    if (!*look_up_->answer)
      co_return Failure(FailureKind::connect_failed,
                        "its name cannot be resolved: " + look_up_->answer->error().detail);
    co_return **look_up_->answer;
  }

  Awaitable<Result<void>> open() {
    if (endless()) within(fetcher_.settings_.limit);
    auto found = co_await addresses();
    if (!found) co_return found.error();
    Result<void> opened = Failure(FailureKind::connect_failed, "its name has no address");
    for (const auto& address : *found) {
      if (expired_) break;
      connection_ = std::make_unique<Connection>(fetcher_.io_, fetcher_.deadlines_, fetcher_.buffers_, origin_);
      const Endpoint endpoint{address, url_.port};
      opened = co_await connection_->open(endpoint, url_, fetcher_.settings_.tls, fetcher_.settings_.connect_limit);
      if (opened) break;
    }
    if (endless()) clear();
    co_return opened;
  }

  Awaitable<Result<FetchResponse>> exchange() {
    std::array buffers{asio::const_buffer(head_.data(), head_.size()),
                       asio::const_buffer(request_.body.data(), request_.body.size())};
    Deadline& waiting = connection_->waiting;
    if (terms_ != nullptr) set_keep_alive(connection_->plain.socket().native_handle(), terms_->probe_after);
    waiting.within(silence_);
    const error_code sent = co_await connection_->stream().write(buffers);
    waiting.clear();
    if (sent) co_return Failure(FailureKind::upstream_closed, sent.message());
    ResponseHead head;
    auto got = co_await final_head(head);
    if (!got) co_return got.error();
    FetchResponse response = owned(head);
    Result<bool> ended = true;
    if (terms_ != nullptr)
      ended = co_await hand_on(head.body, response);
    else
      ended = co_await collect(head.body, response.body);
    if (!ended) co_return ended.error();
    reusable_ = *ended && head.keep_alive && connection_->inbox.unread().empty();
    connection_->inbox.release_head();
    co_return response;
  }

  Awaitable<Result<void>> final_head(ResponseHead& head) {
    for (int interims = 0; interims <= most_interims; ++interims) {
      auto got = co_await next_head(head);
      if (!got) co_return got.error();
      if (!head.interim()) co_return Result<void>();
      connection_->inbox.release_head();
    }
    co_return Failure(FailureKind::bad_answer, "too many interim answers");
  }

  Awaitable<Result<void>> next_head(ResponseHead& head) {
    Inbox& inbox = connection_->inbox;
    HeadEnd end;
    while (true) {
      auto size = end.find(inbox.unread());
      if (!size) co_return Failure(FailureKind::bad_answer, size.error().detail);
      if (*size > 0) {
        const std::string_view bytes = inbox.unread().substr(0, *size);
        inbox.keep_head(*size);
        co_return parse_response_head(bytes, head_limits, request_.method, head);
      }
      if (inbox.unread().size() >= head_limit) co_return Failure(FailureKind::bad_answer, "its head is too large");
      connection_->waiting.within(silence_);
      const auto read = co_await inbox.gather(head_limit);
      connection_->waiting.clear();
      if (!read || *read == 0) co_return Failure(FailureKind::upstream_closed);
      answer_begun_ = true;
    }
  }

  // Whether the body was read to its end, and the connection is good for more.
  Awaitable<Result<bool>> hand_on(BodyFraming framing, const FetchResponse& head) {
    Http1Body body(connection_->inbox, connection_->waiting, framing, silence_, response_body_failures);
    while (!body.ended()) {
      auto piece = co_await body.next();
      if (!piece) co_return piece.error();
      if (!piece->bytes.empty() && !terms_->piece(head, piece->bytes)) co_return false;
    }
    co_return true;
  }

  Awaitable<Result<bool>> collect(BodyFraming framing, std::string& text) {
    const std::size_t limit = fetcher_.settings_.max_body;
    const Failure too_large(FailureKind::bad_answer, "the answer is larger than " + std::to_string(limit) + " bytes");
    if (framing.kind == BodyKind::length && framing.length > limit) co_return too_large;
    Http1Body body(connection_->inbox, connection_->waiting, framing, fetcher_.settings_.limit, response_body_failures);
    while (!body.ended()) {
      auto piece = co_await body.next();
      if (!piece) co_return piece.error();
      if (text.size() + piece->bytes.size() > limit) co_return too_large;
      text.append(piece->bytes);
    }
    co_return true;
  }

  Result<FetchResponse> settle(Result<FetchResponse> response) {
    clear();
    if (response && reusable_ && !expired_) fetcher_.give_back(std::move(connection_));
    if (response) return response;
    const auto seconds = [](Duration limit) {
      return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count()) + " s";
    };
    const Duration whole = endless() ? fetcher_.settings_.limit : limit_;
    if (expired_) return Failure(FailureKind::answer_timeout, origin_ + ": not within " + seconds(whole));
    if (opened_ && silent()) return Failure(FailureKind::answer_timeout, origin_ + ": silent for " + seconds(silence_));
    const std::string& detail = response.error().detail;
    return Failure(response.error().kind, detail.empty() ? origin_ : origin_ + ": " + detail);
  }

  Fetcher& fetcher_;
  const Url url_;
  const std::string origin_;
  const std::string head_;
  const FetchRequest& request_;
  const StreamTerms* const terms_;
  const Duration silence_, limit_;  // zero: none
  std::shared_ptr<LookUp> look_up_;
  std::unique_ptr<Connection> connection_;
  bool opened_ = false, expired_ = false, answer_begun_ = false, reusable_ = false;
};

Fetcher::Fetcher(asio::io_context& io, Deadlines& deadlines, Resolve resolve, Settings settings)
    : io_(io), deadlines_(deadlines), resolve_(std::move(resolve)), settings_(std::move(settings)) {}

Fetcher::~Fetcher() = default;

Awaitable<Result<FetchResponse>> Fetcher::fetch(FetchRequest request) { return run(std::move(request), nullptr); }

Awaitable<Result<FetchResponse>> Fetcher::stream(FetchRequest request, StreamTerms terms) {
  auto response = co_await run(std::move(request), &terms);
  co_return response;
}

Awaitable<Result<FetchResponse>> Fetcher::run(FetchRequest request, const StreamTerms* terms) {
  auto url = parse_url(request.url);
  if (!url) co_return url.error();
  auto head = request_head(request, *url, settings_.user_agent);
  if (!head) co_return head.error();
  Call call(*this, std::move(*url), std::move(*head), request, terms);
  auto response = co_await call.run();
  co_return response;
}

std::unique_ptr<Fetcher::Connection> Fetcher::take_idle(const std::string& origin) {
  std::erase_if(idle_, [](const auto& idle) { return idle->waiting.expired() || !idle->stream().idle_and_open(); });
  const auto found =
      std::find_if(idle_.rbegin(), idle_.rend(), [&](const auto& idle) { return idle->origin == origin; });
  if (found == idle_.rend()) return nullptr;
  auto connection = std::move(*found);
  idle_.erase(std::next(found).base());
  connection->waiting.clear();
  return connection;
}

void Fetcher::give_back(std::unique_ptr<Connection> connection) {
  if (idle_.size() >= most_idle) idle_.erase(idle_.begin());
  connection->inbox.release_if_empty();
  connection->waiting.within(settings_.keep_alive);
  idle_.push_back(std::move(connection));
}

}  // namespace gatehouse
