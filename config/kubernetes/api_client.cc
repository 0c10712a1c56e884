#include "config/kubernetes/api_client.h"

#include "config/kubernetes/answer_reader.h"
#include "proxy/metrics_text.h"

namespace gatehouse::kubernetes {
namespace {

constexpr Duration keep_alive = std::chrono::seconds(30);  // an API server keeps idle connections for longer

// A leader must not lose its place because others write much.
bool is_urgent(const ApiRequest& request) {
  return is_watch(request.path) || request.path.starts_with("/apis/coordination.k8s.io/");
}

std::size_t verb_of(const ApiRequest& request) {
  if (is_watch(request.path)) return 1;
  if (request.method == "POST") return 2;
  if (request.method == "PUT") return 3;
  if (request.method == "PATCH") return 4;
  return request.method == "DELETE" ? 5 : 0;
}

}  // namespace

bool is_watch(std::string_view path) {
  const auto query = path.find('?');
  if (query == std::string_view::npos) return false;
  for (std::string_view rest = path.substr(query + 1); !rest.empty();) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    if (parameter == "watch=1" || parameter == "watch=true") return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// What one call is about, twice asked or not.
struct ApiClient::Sent {
  ApiRequest request;
  AnswerReader::Piece piece;  // null: the body is collected
};

ApiClient::ApiClient(Ports ports, Access access, ApiLimits limits)
    : ports_(std::move(ports)),
      access_(std::move(access)),
      limits_(limits),
      credentials_(access_, ports_.clock, ports_.log),
      rate_(limits.per_second, limits.burst) {}

Awaitable<Result<ApiAnswer>> ApiClient::call(ApiRequest request) {
  Sent sent{std::move(request), nullptr};
  return ask(std::move(sent));
}

Awaitable<Result<ApiAnswer>> ApiClient::stream(ApiRequest request, std::function<bool(std::string_view)> piece) {
  Sent sent{std::move(request), std::move(piece)};
  return ask(std::move(sent));
}

ApiCall ApiClient::caller() {
  return [this](ApiRequest request) { return call(std::move(request)); };
}

ApiStream ApiClient::streamer() {
  return [this](ApiRequest request, std::function<bool(std::string_view)> piece) {
    return stream(std::move(request), std::move(piece));
  };
}

Awaitable<Result<ApiAnswer>> ApiClient::ask(Sent sent) {
  co_await take_turn(sent.request);
  auto answer = co_await ask_once(sent);
  if (may_do_better(answer)) answer = co_await ask_once(sent);
  count(sent.request, answer);
  co_return answer;
}

Awaitable<void> ApiClient::take_turn(const ApiRequest& request) {
  if (is_urgent(request)) co_return;
  const TimePoint now = ports_.clock.now();
  const Duration wait = rate_.take(now);
  if (wait > Duration::zero()) co_await ports_.clock.sleep_until(now + wait);
}

Awaitable<Result<ApiAnswer>> ApiClient::ask_once(const Sent& sent) {
  auto request = written(sent);
  if (!request) co_return request.error();
  auto own = fetcher();
  if (!own) co_return own.error();
  const std::shared_ptr<Fetcher> over = *own;
  AnswerReader reader(sent.piece, limits_.max_body);
  StreamTerms terms;
  terms.piece = [&reader](const FetchResponse& head, std::string_view bytes) { return reader.take(head, bytes); };
  const Duration silence = sent.request.silence > Duration::zero() ? sent.request.silence : limits_.limit;
  terms.silence = silence;
  terms.limit = sent.piece ? Duration::zero() : silence;
  auto response = co_await over->stream(std::move(*request), std::move(terms));
  if (!response) co_return response.error();
  auto answer = reader.answer(*response);
  if (!answer) co_return Failure(answer.error().kind, access_.server + ": " + answer.error().detail);
  co_return answer;
}

Result<FetchRequest> ApiClient::written(const Sent& sent) {
  const ApiRequest& request = sent.request;
  if (!request.path.starts_with('/')) return Failure(FailureKind::internal, "a path begins with a slash");
  FetchRequest out;
  out.method = request.method;
  out.url = access_.server + request.path;
  out.body = request.body;
  out.headers.emplace_back("Accept", "application/json");
  if (!request.body.empty())
    out.headers.emplace_back("Content-Type", request.content_type.empty() ? "application/json" : request.content_type);
  // Newer servers pack watches in a way that keeps events back (and in several members): never asked for.
  if (access_.compression && request.method == "GET" && !is_watch(request.path))
    out.headers.emplace_back("Accept-Encoding", "gzip");
  auto token = credentials_.token();
  if (!token) return token.error();
  if (token->empty()) return out;
  if (!may_carry_secrets(access_.server))
    return Failure(FailureKind::bad_configuration, "no token is sent over plain http to " + access_.server);
  out.headers.emplace_back("Authorization", "Bearer " + *token);
  return out;
}

Result<std::shared_ptr<Fetcher>> ApiClient::fetcher() {
  auto context = credentials_.tls();
  if (!context) return context.error();
  if (!fetcher_ || *context != context_) {
    context_ = *context;
    Fetcher::Settings settings;
    settings.tls = *context;
    settings.limit = limits_.limit;
    settings.keep_alive = keep_alive;
    fetcher_ = std::make_shared<Fetcher>(ports_.io, ports_.deadlines, ports_.resolve, std::move(settings));
  }
  return fetcher_;
}

// Whether what is in the files now may be taken better than what was in use. Nothing was done or handed on yet.
bool ApiClient::may_do_better(const Result<ApiAnswer>& answer) {
  const bool unknown = answer && answer->status == 401;
  const bool untrusted = !answer && answer.error().kind == FailureKind::upstream_tls_failed;
  if (!unknown && !untrusted) return false;
  credentials_.doubt();
  if (unknown && credentials_.token_in_file()) return true;
  const auto context = credentials_.tls();
  return context && *context != context_;
}

void ApiClient::count(const ApiRequest& request, const Result<ApiAnswer>& answer) {
  const std::size_t outcome = answer ? std::clamp<std::size_t>(answer->status / 100, 1, 5) - 1 : outcomes.size() - 1;
  counts_[verb_of(request)][outcome].fetch_add(1, std::memory_order_relaxed);
}

std::string ApiClient::metrics() const {
  Metric metric{"kubernetes_requests_total",
                Metric::Kind::counter,
                "Requests to the API server that ended, by verb and class of the answer (none: there was none).",
                {}};
  for (std::size_t verb = 0; verb < verbs.size(); ++verb)
    for (std::size_t outcome = 0; outcome < outcomes.size(); ++outcome)
      if (const auto value = counts_[verb][outcome].load(std::memory_order_relaxed); value > 0)
        metric.values.push_back({{{"verb", verbs[verb]}, {"answer", outcomes[outcome]}}, static_cast<double>(value)});
  return metrics_text({metric});
}

}  // namespace gatehouse::kubernetes
