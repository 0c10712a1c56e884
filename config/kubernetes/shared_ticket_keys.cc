#include "config/kubernetes/shared_ticket_keys.h"

#include "base/base64.h"
#include "base/escape.h"
#include "tls/digest.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace gatehouse::kubernetes {
namespace {

namespace json = boost::json;

constexpr std::size_t max_answer = 256 * 1024;
constexpr std::size_t key_bytes =
    sizeof(tls::TicketKey::name) + sizeof(tls::TicketKey::cipher_key) + sizeof(tls::TicketKey::mac_key);
constexpr const char* field = "keys";

Failure failed(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

std::string bytes_of(const tls::TicketKey& key) {
  std::string bytes(key.name.begin(), key.name.end());
  bytes.append(key.cipher_key.begin(), key.cipher_key.end());
  return bytes.append(key.mac_key.begin(), key.mac_key.end());
}

tls::TicketKey key_of(std::string_view bytes) {
  tls::TicketKey key{};
  const auto take = [&](auto& part) {
    std::copy_n(bytes.begin(), part.size(), part.begin());
    bytes.remove_prefix(part.size());
  };
  take(key.name);
  take(key.cipher_key);
  take(key.mac_key);
  return key;
}

std::string text_at(const json::object& object, std::string_view outer, std::string_view key) {
  const json::value* inner = object.if_contains(outer);
  const json::value* found = inner == nullptr || !inner->is_object() ? nullptr : inner->get_object().if_contains(key);
  return found == nullptr || !found->is_string() ? std::string() : std::string(found->get_string());
}

Failure refused(const ApiAnswer& answer) {
  std::string words = answer.status == 403 ? "not allowed (403): a Role has to grant it"
                                           : "the API server answers " + std::to_string(answer.status);
  return failed(words + (answer.message.empty() ? "" : "; it says: " + printable(answer.message.substr(0, 200))));
}

}  // namespace

std::string ticket_keys_text(const DatedTicketKeys& keys) {
  std::string text;
  for (const auto& [made, key] : keys) {
    const auto second = std::chrono::floor<std::chrono::seconds>(made).time_since_epoch().count();
    text.append(std::to_string(second)).append(" ").append(tls::hex(bytes_of(key))).append("\n");
  }
  return text;
}

Result<DatedTicketKeys> parse_ticket_keys(std::string_view text) {
  DatedTicketKeys keys;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto space = line.find(' ');
    std::int64_t second = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + std::min(space, line.size()), second);
    const bool is_time = space != std::string_view::npos && error == std::errc() && end == line.data() + space &&
                         second > 0 && second < 9'000'000'000;
    const auto bytes =
        is_time && line.size() == space + 1 + 2 * key_bytes ? tls::from_hex(line.substr(space + 1)) : std::nullopt;
    if (!bytes || keys.size() == most_shared_keys)
      return failed("does not hold ticket keys as this version writes them");
    keys.push_back({WallTime(std::chrono::seconds(second)), key_of(*bytes)});
  }
  if (keys.empty()) return failed("holds no ticket keys");
  return keys;
}

DatedTicketKeys with_new_key(DatedTicketKeys keys, WallTime now) {
  keys.insert(keys.begin(), {std::chrono::floor<std::chrono::seconds>(now), tls::new_ticket_key()});
  keys.resize(std::min(keys.size(), most_shared_keys));
  return keys;
}

tls::TicketKeys::Set set_of(const DatedTicketKeys& keys, WallTime now) {
  std::size_t sealing = keys.size() - 1;  // while all are young
  for (std::size_t i = keys.size(); i-- > 0;)
    if (keys[i].made + ticket_head_start <= now) sealing = i;
  tls::TicketKeys::Set set{keys[sealing].key};
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (i != sealing) set.push_back(keys[i].key);
  return set;
}

SharedTicketKeys::SharedTicketKeys(ObjectName secret, std::string instance, Ports ports)
    : path_("/api/v1/namespaces/" + secret.ns + "/secrets"),
      secret_(std::move(secret.name)),
      name_space_(std::move(secret.ns)),
      instance_(std::move(instance)),
      ports_(std::move(ports)),
      wake_(ports_.executor, TimePoint::max()) {}

void SharedTicketKeys::stop() {
  stopped_ = true;
  wake();
}

void SharedTicketKeys::wake() {
  woken_ = true;
  wake_.cancel();
}

Awaitable<void> SharedTicketKeys::run() {
  using namespace asio::experimental::awaitable_operators;
  while (!stopped_) {
    woken_ = false;
    auto done = co_await refresh();
    const std::string words = done ? std::string() : describe(done.error());
    if (words != trouble_ && !words.empty())
      ports_.log->error("Secret {}: TLS sessions are not resumed across replicas: {}", secret_, words);
    if (words != trouble_ && words.empty()) ports_.log->info("solved: Secret {}", secret_);
    trouble_ = words;
    if (stopped_ || woken_) continue;
    co_await (wait_until_woken() || ports_.clock.sleep_until(ports_.clock.now() + look_every));
  }
}

Awaitable<void> SharedTicketKeys::wait_until_woken() {
  error_code cancelled;
  while (!woken_) {
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

Awaitable<Result<std::optional<SharedTicketKeys::Seen>>> SharedTicketKeys::read() {
  ApiRequest request;
  request.path = path_ + "/" + secret_;
  auto answer = co_await ports_.call(std::move(request));
  if (!answer) co_return answer.error();
  if (answer->status == 404) co_return std::optional<Seen>();
  if (!answer->good()) co_return refused(*answer);
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  if (answer->body.size() > max_answer) co_return failed("is larger than 256 KiB");
  const json::value parsed = json::parse(answer->body, error, {}, options);
  if (error || !parsed.is_object()) co_return failed("the answer is not a JSON object");
  auto text = from_base64(text_at(parsed.get_object(), "data", field));
  auto keys = text ? parse_ticket_keys(*text) : Result<DatedTicketKeys>(failed("is damaged: not base64"));
  if (!keys) co_return keys.error();
  std::string version = text_at(parsed.get_object(), "metadata", "resourceVersion");
  if (version.empty()) co_return failed("has no resourceVersion");
  co_return std::optional<Seen>(Seen{std::move(version), std::move(*keys)});
}

// What is there is used; what is not there or too old is made.
Awaitable<Result<void>> SharedTicketKeys::refresh() {
  for (int tries = 0; tries < 3; ++tries) {
    auto seen = co_await read();
    if (!seen) co_return seen.error();
    const WallTime now = ports_.clock.wall_now();
    if (*seen) {
      use((**seen).keys);
      if (!is_due((**seen).keys)) co_return Result<void>();
    }
    const Seen before = seen->value_or(Seen());
    DatedTicketKeys next = with_new_key(before.keys, now);
    auto written = co_await write(next, before.version);
    if (!written) co_return written.error();
    if (*written) {
      use(next);
      co_return Result<void>();
    }
  }
  co_return failed("changes all the time");
}

bool SharedTicketKeys::is_due(const DatedTicketKeys& keys) {
  return ports_.clock.wall_now() >= keys[0].made + rotate_every ||
         (youngest_ == keys[0].key.name && ports_.clock.now() >= youngest_since_ + rotate_every);
}

void SharedTicketKeys::use(const DatedTicketKeys& keys) {
  if (youngest_ != keys[0].key.name) {
    youngest_ = keys[0].key.name;
    youngest_since_ = ports_.clock.now();
  }
  ports_.keys->use(set_of(keys, ports_.clock.wall_now()), ports_.clock.wall_now());
}

// False: another was first.
Awaitable<Result<bool>> SharedTicketKeys::write(DatedTicketKeys keys, std::string version) {
  json::object metadata{{"name", secret_}, {"namespace", name_space_}};
  const bool fresh = version.empty();
  if (!fresh) metadata["resourceVersion"] = version;
  metadata["labels"] =
      json::object{{"app.kubernetes.io/managed-by", "gatehouse"}, {"app.kubernetes.io/instance", instance_}};
  json::object secret{{"apiVersion", "v1"},
                      {"kind", "Secret"},
                      {"metadata", std::move(metadata)},
                      {"data", json::object{{field, base64(ticket_keys_text(keys))}}}};
  if (fresh) secret["type"] = "Opaque";
  ApiRequest request;
  request.method = fresh ? "POST" : "PATCH";
  request.path = fresh ? path_ : path_ + "/" + secret_;
  if (!fresh) request.content_type = "application/merge-patch+json";
  request.body = json::serialize(secret);
  auto answer = co_await ports_.call(std::move(request));
  if (!answer) co_return answer.error();
  if (answer->status == 409 || (answer->status == 404 && !fresh)) co_return false;
  if (!answer->good()) co_return refused(*answer);
  co_return true;
}

}  // namespace gatehouse::kubernetes
