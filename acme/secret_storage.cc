#include "acme/secret_storage.h"

#include "base/escape.h"
#include "tls/digest.h"

#include <boost/json.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;
using kubernetes::ApiAnswer;
using kubernetes::ApiRequest;

constexpr std::size_t largest_page = 64;
constexpr std::size_t most_pages = 100'000;
constexpr std::size_t max_answer = 256 * 1024 * 1024;
constexpr std::size_t max_told = 200;  // of an answer's words
constexpr std::size_t most_removed = 1000;  // whose late events are still known for ours
constexpr Duration first_pause = std::chrono::milliseconds(500);
constexpr Duration longest_pause = std::chrono::seconds(10);

Failure failed(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

Result<json::object> parse(std::string_view text) {
  if (text.size() > max_answer) return failed("the API server's answer is too large");
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  json::value value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) return failed("the API server's answer is not a JSON object");
  return std::move(value.get_object());
}

// What it means and what to do, before what the server says.
Failure refused(const ApiAnswer& answer, const std::string& what) {
  std::string words = what + ": ";
  switch (answer.status) {
    case 401: words += "the API server does not know us (401)"; break;
    case 403: words += "not allowed (403): a Role has to grant it"; break;
    case 404: words += "not there (404)"; break;
    case 409: words += "another has written it (409)"; break;
    case 413:
    case 422: words += "the API server refuses the object (" + std::to_string(answer.status) + ")"; break;
    case 429: words += "the API server has too much to do (429)"; break;
    default: words += "the API server answers " + std::to_string(answer.status);
  }
  if (!answer.message.empty()) words += "; it says: " + printable(answer.message.substr(0, max_told));
  return failed(std::move(words));
}

Failure unreachable(const Failure& why, const std::string& what) { return failed(what + ": " + describe(why)); }

bool is_worth_waiting(const Result<ApiAnswer>& answer) {
  return !answer || answer->status == 429 || answer->status >= 500;
}

std::string write_words(const std::string& secret) { return "Secret " + secret + " cannot be written"; }

}  // namespace

SecretStorage::SecretStorage(SecretOwner owner, Ports ports)
    : owner_(std::move(owner)), ports_(std::move(ports)), writer_(tls::hex(tls::random_bytes(8))) {}

std::string SecretStorage::path_of(const std::string& secret) const {
  const std::string all = "/api/v1/namespaces/" + owner_.name_space + "/secrets";
  return secret.empty() ? all : all + "/" + secret;
}

void SecretStorage::remember(const SeenSecret& secret) {
  Known known{secret.resource_version, secret.digest(), {}, secret.record.kind, secret.record.name};
  for (const auto& [field, value] : secret.record.fields) known.fields.insert(field);
  known_[secret.name] = std::move(known);
  attempted_.erase(secret.name);
}

Failure SecretStorage::overtaken(const std::string& secret) {
  overtaken_ = true;
  return failed("Secret " + secret + " was changed by another replica or person; what is there is read again");
}

Awaitable<SecretStorage::Answer> SecretStorage::call(ApiRequest request) {
  Duration pause = first_pause;
  for (unsigned tries = 1;; ++tries) {
    Answer answer = co_await ports_.call(request);
    if (tries == most_tries || !is_worth_waiting(answer)) co_return answer;
    Duration wait = pause;
    if (answer && answer->retry_after) wait = std::min(*answer->retry_after, longest_pause);
    co_await ports_.clock.sleep_until(ports_.clock.now() + wait);
    pause *= 2;
    if (request.method != "GET" && !writable()) co_return failed("another replica leads now");
  }
}

Awaitable<SecretStorage::Answer> SecretStorage::write(ApiRequest request) {
  if (!writable()) co_return failed(overtaken_ ? "was overtaken by another writer" : "another replica leads now");
  Answer answer = co_await call(std::move(request));
  co_return answer;
}

Awaitable<Result<Storage::Contents>> SecretStorage::load() {
  Contents contents;
  known_.clear();
  const std::string what = "the Secrets in namespace " + owner_.name_space + " cannot be listed";
  const std::string start =
      path_of("") + "?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dgatehouse%2Capp.kubernetes.io%2Finstance%3D" +
      owner_.instance + "%2Cgatehouse.dev%2Frecord&limit=";
  std::string next;
  std::size_t page = largest_page;
  for (std::size_t pages = 0; pages < most_pages; ++pages) {
    ApiRequest request;
    request.path = start + std::to_string(page) + (next.empty() ? "" : "&continue=" + next);
    Answer answer = co_await call(std::move(request));
    if (!answer && page > 1) {  // perhaps too large
      page /= 8;
      continue;
    }
    if (!answer) co_return unreachable(answer.error(), what);
    if (answer->status == 410 && pages > 0) {  // the list took too long: from the beginning
      contents = {};
      known_.clear();
      next.clear();
      continue;
    }
    if (!answer->good()) co_return refused(*answer, what);
    auto taken = take_page(answer->body, contents, next);
    if (!taken) co_return failed(what + ": " + taken.error().detail);
    if (next.empty()) co_return contents;
  }
  co_return failed(what + ": the list does not end");
}

Result<void> SecretStorage::take_page(const std::string& body, Contents& contents, std::string& next) {
  auto list = parse(body);
  if (!list) return list.error();
  const json::value* items = list->if_contains("items");
  const json::value* metadata = list->if_contains("metadata");
  // A list of nothing may say null.
  if (items == nullptr || metadata == nullptr || !metadata->is_object() || (!items->is_array() && !items->is_null()))
    return failed("the API server's answer is not a list");
  next.clear();
  if (const json::value* token = metadata->get_object().if_contains("continue"); token != nullptr && token->is_string())
    next = std::string(token->get_string());
  if (items->is_null()) return {};
  for (const json::value& item : items->get_array()) {
    auto seen = item.is_object() ? parse_secret(owner_, raw_secret(item.get_object()))
                                 : Result<SeenSecret>(failed("is no object"));
    if (!seen) {
      contents.damage.push_back(seen.error().detail);
      continue;
    }
    remember(*seen);
    if (ports_.loaded) ports_.loaded(*seen);
    contents.records.push_back(std::move(seen->record));
  }
  return {};
}

Awaitable<Result<void>> SecretStorage::save(Record record) {
  for (unsigned tries = 0; tries < most_tries; ++tries) {
    auto done = co_await save_once(record);
    if (!done) co_return done.error();
    if (*done) co_return Result<void>();
  }
  co_return failed(write_words(secret_name(owner_, record.kind, record.name)) + ": it changes all the time");
}

// False: again, with what is known now.
Awaitable<Result<bool>> SecretStorage::save_once(Record record) {
  auto wanted = to_secret(owner_, record, writer_);
  if (!wanted) co_return wanted.error();
  SeenSecret as_written{wanted->name, {}, writer_, record, {}, {}};
  const std::string digest = as_written.digest();
  const auto known = known_.find(wanted->name);
  ApiRequest request;
  if (known == known_.end()) {
    request.method = "POST";
    request.path = path_of("");
  } else {
    request.method = "PATCH";
    request.path = path_of(wanted->name);
    request.content_type = "application/merge-patch+json";
    json::object& data = wanted->object.at("data").get_object();
    for (const std::string& field : known->second.fields)
      if (!data.contains(field)) data[field] = nullptr;
    wanted->object.at("metadata").get_object()["resourceVersion"] = known->second.version;
    wanted->object.erase("type");
  }
  request.body = json::serialize(wanted->object);
  attempted_[wanted->name].insert(digest);
  const bool fresh = request.method == "POST";
  Answer answer = co_await write(std::move(request));
  if (!answer) co_return unreachable(answer.error(), write_words(wanted->name));
  if (answer->status == 409) {
    auto looked = co_await look_again(wanted->name, digest);
    co_return looked;
  }
  if (answer->status == 404 && !fresh) co_return overtaken(wanted->name);
  if (!answer->good()) co_return refused(*answer, write_words(wanted->name));
  auto object = parse(answer->body);
  if (object) as_written.resource_version = raw_secret(*object).resource_version;
  if (as_written.resource_version.empty()) co_return failed(write_words(wanted->name) + ": the answer says no version");
  remember(as_written);
  co_return true;
}

// After a 409: true when `wanted` (its digest) is there after all, false when the record is as we knew it, and only
// what others put beside it has changed.
Awaitable<Result<bool>> SecretStorage::look_again(std::string secret, std::string wanted) {
  ApiRequest request;
  request.path = path_of(secret);
  Answer answer = co_await call(std::move(request));
  if (!answer) co_return unreachable(answer.error(), "Secret " + secret + " cannot be read");
  const auto known = known_.find(secret);
  if (answer->status == 404) {
    if (known != known_.end()) co_return overtaken(secret);
    co_return false;
  }
  if (!answer->good()) co_return refused(*answer, "Secret " + secret + " cannot be read");
  auto object = parse(answer->body);
  if (!object) co_return object.error();
  auto seen = parse_secret(owner_, raw_secret(*object));
  if (!seen) co_return failed(seen.error().detail + "; it is left alone");
  const std::string digest = seen->digest();
  const auto attempted = attempted_.find(secret);
  const bool is_ours = (known != known_.end() && known->second.digest == digest) ||
                       (attempted != attempted_.end() && attempted->second.contains(digest));
  if (!is_ours && digest != wanted) co_return overtaken(secret);
  remember(*seen);
  co_return digest == wanted;
}

Awaitable<Result<void>> SecretStorage::remove(RecordKind kind, std::string name) {
  const std::string secret = secret_name(owner_, kind, name);
  for (unsigned tries = 0; tries < most_tries; ++tries) {
    auto done = co_await remove_once(secret);
    if (!done) co_return done.error();
    if (*done) co_return Result<void>();
  }
  co_return failed("Secret " + secret + " cannot be removed: it changes all the time");
}

Awaitable<Result<bool>> SecretStorage::remove_once(std::string secret) {
  const auto known = known_.find(secret);
  if (known == known_.end()) co_return true;
  ApiRequest request;
  request.method = "DELETE";
  request.path = path_of(secret);
  const json::object options{{"apiVersion", "v1"},
                             {"kind", "DeleteOptions"},
                             {"preconditions", json::object{{"resourceVersion", known->second.version}}}};
  request.body = json::serialize(options);
  removing_.insert(secret);
  Answer answer = co_await write(std::move(request));
  const std::string what = "Secret " + secret + " cannot be removed";
  if (!answer || !answer->good()) removing_.erase(secret);
  if (!answer) co_return unreachable(answer.error(), what);
  if (answer->status == 409) {
    const std::string nothing;
    auto looked = co_await look_again(secret, nothing);
    co_return looked;
  }
  if (!answer->good() && answer->status != 404) co_return refused(*answer, what);
  if (removed_.size() >= most_removed) removed_.clear();
  if (const auto last = known_.find(secret); last != known_.end()) removed_[secret] = last->second.version;
  known_.erase(secret);
  attempted_.erase(secret);
  removing_.erase(secret);
  co_return true;
}

// Events come late: of what this has written or removed itself meanwhile they say nothing new.
void SecretStorage::notice(const SeenSecret& secret) {
  if (secret.writer == writer_ || removing_.contains(secret.name)) return;
  const auto known = known_.find(secret.name);
  const auto removed = removed_.find(secret.name);
  const std::string& version = secret.resource_version;
  if (known != known_.end() &&
      (known->second.digest == secret.digest() || is_older_version(version, known->second.version)))
    return;
  if (known == known_.end() && removed != removed_.end() &&
      (version == removed->second || is_older_version(version, removed->second)))
    return;
  overtaken_ = true;
}

void SecretStorage::notice_removal(const std::string& secret, const std::string& version) {
  const auto known = known_.find(secret);
  if (known == known_.end() || removing_.contains(secret)) return;
  if (!is_older_version(version, known->second.version)) overtaken_ = true;
}

bool SecretStorage::knows_only(const std::set<std::string>& secrets) const {
  return std::all_of(known_.begin(), known_.end(), [&](const auto& entry) { return secrets.contains(entry.first); });
}

std::optional<RecordChange> SecretStorage::follow(const SeenSecret& secret) {
  const auto known = known_.find(secret.name);
  if (known != known_.end() && (known->second.version == secret.resource_version ||
                                is_older_version(secret.resource_version, known->second.version)))
    return std::nullopt;
  const bool is_new = known == known_.end() || known->second.digest != secret.digest();
  remember(secret);
  if (!is_new) return std::nullopt;
  return RecordChange{secret.record.kind, secret.record.name, secret.record};
}

std::optional<RecordChange> SecretStorage::follow_removal(const std::string& secret, const std::string& version) {
  const auto known = known_.find(secret);
  if (known == known_.end() || is_older_version(version, known->second.version)) return std::nullopt;
  RecordChange change{known->second.kind, known->second.record, std::nullopt};
  known_.erase(known);
  return change;
}

Awaitable<Result<std::string>> SecretStorage::annotate(std::string secret, Annotations annotations) {
  json::object changes;
  for (const auto& [annotation, value] : annotations) changes[annotation] = value ? json::value(*value) : json::value();
  const json::object patch{{"metadata", json::object{{"annotations", std::move(changes)}}}};
  ApiRequest request;
  request.method = "PATCH";
  request.path = path_of(secret);
  request.content_type = "application/merge-patch+json";
  request.body = json::serialize(patch);
  Answer answer = co_await write(std::move(request));
  if (!answer) co_return unreachable(answer.error(), write_words(secret));
  if (answer->status == 404) co_return std::string();
  if (!answer->good()) co_return refused(*answer, write_words(secret));
  auto object = parse(answer->body);
  if (!object) co_return object.error();
  auto seen = parse_secret(owner_, raw_secret(*object));
  const auto known = known_.find(secret);
  if (seen && known != known_.end() && known->second.digest == seen->digest()) remember(*seen);
  co_return raw_secret(*object).resource_version;
}

}  // namespace gatehouse::acme
