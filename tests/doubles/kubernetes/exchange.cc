#include "tests/doubles/kubernetes/exchange.h"

#include "tests/doubles/kubernetes/api_rules.h"
#include "tests/doubles/kubernetes/compression.h"
#include "tests/doubles/kubernetes/reading.h"
#include "tests/doubles/kubernetes/watch_stream.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace gatehouse::kubernetes::fake {
namespace {

constexpr std::size_t compressed_from = 128 * 1024;
constexpr std::size_t chunked_from = 2048;  // Go's server counts no further

struct Prepared {
  Reply reply;
  std::optional<Fault> fault;
  std::uint64_t number = 0;  // of the request
};

SeenRequest seen(const HttpRequest& request, const Target& target) {
  SeenRequest seen;
  seen.method = request.method;
  seen.target = request.target;
  seen.body = request.body;
  seen.headers = request.headers;
  seen.verb = verb_of(request.method, target);
  if (seen.verb.empty()) return seen;
  seen.resource = target.plural + (target.subresource.empty() ? "" : "/" + target.subresource);
  seen.group = target.group;
  seen.ns = target.ns;
  seen.name = target.name;
  return seen;
}

bool fits(const Which& which, const SeenRequest& request) {
  return (which.verb.empty() || which.verb == request.verb) &&
         (which.resource.empty() || which.resource == request.resource) && request.target.starts_with(which.path);
}

std::optional<Fault> take_fault(State& state, const SeenRequest& request) {
  const auto found = std::ranges::find_if(state.faults, [&](const Fault& f) { return fits(f.which, request); });
  if (found == state.faults.end()) return std::nullopt;
  Fault fault = *found;
  if (--found->times == 0) state.faults.erase(found);
  return fault;
}

bool known(const State& state, const SeenRequest& request, const std::string& client_name) {
  if (state.tokens.empty() || !client_name.empty()) return true;
  const auto given = request.header("authorization");
  return given.starts_with("Bearer ") && state.tokens.contains(std::string(given.substr(7)));
}

bool allowed(const State& state, const SeenRequest& request) {
  return std::ranges::none_of(state.forbidden, [&](const auto& each) {
    return (each.first == "*" || each.first == request.verb) &&
           (each.second == "*" || each.second == request.resource) && !request.verb.empty();
  });
}

Reply forbidden(const SeenRequest& request, const ResourceType* type) {
  const std::string dotted = request.resource + (request.group.empty() ? "" : "." + request.group);
  return refusal({403, "Forbidden",
                  dotted + (request.name.empty() ? "" : " \"" + request.name + "\"") +
                      " is forbidden: User \"system:serviceaccount:default:test\" cannot " + request.verb +
                      " resource \"" + request.resource + "\" in API group \"" + request.group + "\"" +
                      (request.ns.empty() ? " at the cluster scope" : " in the namespace \"" + request.ns + "\""),
                  type, request.name});
}

Reply faulty(const Fault& fault) {
  static const std::map<int, std::string> reasons = {
      {401, "Unauthorized"}, {403, "Forbidden"},           {404, "NotFound"},      {409, "Conflict"},
      {410, "Expired"},      {429, "TooManyRequests"},     {500, "InternalError"}, {503, "ServiceUnavailable"},
      {504, "Timeout"},      {415, "UnsupportedMediaType"}};
  const std::uint16_t status = fault.status != 0 ? fault.status : std::uint16_t{200};
  const auto reason = reasons.find(status);
  Reply reply = refusal({status,
                         reason == reasons.end() ? "" : reason->second,
                         "as the test wants it",
                         nullptr,
                         "",
                         {},
                         fault.retry_after});
  if (fault.body) reply.body = *fault.body;
  if (fault.body) reply.content_type = fault.content_type;
  return reply;
}

Reply answer(State& state, const SeenRequest& request, Target target, const Wire& wire) {
  if (!known(state, request, wire.client_name)) return refusal({401, "Unauthorized", "Unauthorized"});
  if (!allowed(state, request)) {
    const Table* table = state.store.find(target.group, target.plural);
    return forbidden(request, table != nullptr ? &table->type : nullptr);
  }
  const auto text = [&](std::string_view name) { return std::string(request.header(name)); };
  return perform(state, {request.method, std::move(target), request.body, text("content-type"), text("accept"),
                         text("user-agent")});
}

Prepared prepare(Shared& shared, const HttpRequest& request, const Wire& wire) {
  std::lock_guard lock(shared.mutex);
  State& state = shared.state;
  Target target = parse_target(request.target);
  Prepared prepared;
  const SeenRequest now = seen(request, target);
  prepared.number = state.forgotten_requests + state.requests.size();
  if (state.options.keep_requests) state.requests.push_back(now);
  prepared.fault = take_fault(state, now);
  const bool instead = prepared.fault && (prepared.fault->status != 0 || prepared.fault->body);
  prepared.reply = instead ? faulty(*prepared.fault) : answer(state, now, std::move(target), wire);
  if (prepared.reply.watch) state.watches.push_back(prepared.reply.watch);
  shared.changed();
  return prepared;
}

void note_status(Shared& shared, const Prepared& prepared) {
  std::lock_guard lock(shared.mutex);
  State& state = shared.state;
  const std::uint64_t index = prepared.number - state.forgotten_requests;
  if (prepared.number >= state.forgotten_requests && index < state.requests.size())
    state.requests[index].status = prepared.reply.status;
  shared.look_again.notify_all();
}

std::string_view reason_phrase(std::uint16_t status) {
  static const std::map<int, std::string_view> phrases = {{200, "OK"},
                                                          {201, "Created"},
                                                          {400, "Bad Request"},
                                                          {401, "Unauthorized"},
                                                          {403, "Forbidden"},
                                                          {404, "Not Found"},
                                                          {409, "Conflict"},
                                                          {410, "Gone"},
                                                          {422, "Unprocessable Entity"},
                                                          {500, "Internal Server Error"}};
  const auto found = phrases.find(status);
  return found == phrases.end() ? "Status" : found->second;
}

std::string head_of(const Reply& reply, std::optional<std::size_t> length) {
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason_phrase(reply.status)) +
                     "\r\nAudit-Id: 6d1cbb4e-4a3c-4d4c-9d2f-0c5b8a2a6b11\r\nCache-Control: no-cache, private\r\n"
                     "Content-Type: " +
                     reply.content_type + "\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  head += length ? "Content-Length: " + std::to_string(*length) + "\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n";
  return head;
}

Awaitable<void> pause(asio::io_context& io, Duration time) {
  asio::steady_timer timer(io, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// Whether it came to its end.
Awaitable<bool> write_body(asio::io_context& io, Wire& wire, std::string_view body, bool chunked,
                           const std::optional<Fault>& fault) {
  const std::size_t end = fault && fault->cut_after ? std::min(*fault->cut_after, body.size()) : body.size();
  const std::size_t step = fault && fault->drip_bytes > 0 ? fault->drip_bytes : 65536;
  for (std::size_t at = 0; at < end; at += step) {
    const auto piece = body.substr(at, std::min(step, end - at));
    std::string bytes = chunked ? chunk(piece) : std::string(piece);
    co_await wire.write(std::move(bytes));
    if (fault && fault->drip_bytes > 0) co_await pause(io, fault->drip_pause);
  }
  if (fault && fault->cut_after) co_return false;
  std::string last = chunked ? "0\r\n\r\n" : "";
  if (chunked) co_await wire.write(std::move(last));
  co_return true;
}

Awaitable<bool> write_reply(asio::io_context& io, Wire& wire, Reply reply, bool gzip, bool bodiless,
                            const std::optional<Fault>& fault) {
  if (gzip && reply.status == 200 && reply.body.size() > compressed_from) {
    reply.body = gzip_text(reply.body);
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.headers.emplace_back("Vary", "Accept-Encoding");
  }
  const bool chunked = reply.body.size() > chunked_from;
  std::string head = head_of(reply, chunked ? std::nullopt : std::optional(reply.body.size()));
  co_await wire.write(std::move(head));
  if (bodiless) co_return true;
  const bool whole = co_await write_body(io, wire, reply.body, chunked, fault);
  co_return whole;
}

std::string header(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return "";
}

}  // namespace

void Shared::changed() {
  for (const auto& watch : state.watches) {
    catch_up(state, *watch);
    watch->wake();
  }
  look_again.notify_all();
}

Awaitable<bool> exchange(asio::io_context& io, Shared& shared, std::shared_ptr<Wire> wire, HttpRequest request) {
  Prepared prepared = prepare(shared, request, *wire);
  const std::optional<Fault> fault = prepared.fault;
  bool goes_on = header(request, "connection") != "close";
  if (prepared.reply.watch) {
    const WatchInUse in_use(shared, prepared.reply.watch);
    if (fault && fault->delay > Duration::zero()) co_await pause(io, fault->delay);
    if (fault && fault->lost) co_return false;
    note_status(shared, prepared);
    std::string head = head_of(prepared.reply, std::nullopt);
    co_await wire->write(std::move(head));
    const std::shared_ptr<Watch> watch = prepared.reply.watch;
    const std::size_t most = fault && fault->cut_after ? *fault->cut_after : std::string::npos;
    const bool properly = co_await stream_watch(io, shared, wire, watch, most);
    co_return properly&& goes_on;
  }
  if (fault && fault->delay > Duration::zero()) co_await pause(io, fault->delay);
  note_status(shared, prepared);
  if (fault && fault->lost) co_return false;
  const bool gzip = header(request, "accept-encoding").find("gzip") != std::string::npos;
  const bool whole = co_await write_reply(io, *wire, std::move(prepared.reply), gzip, request.method == "HEAD", fault);
  co_return whole&& goes_on;
}

}  // namespace gatehouse::kubernetes::fake
