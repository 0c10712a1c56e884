#include "tests/doubles/acme/memory_secrets.h"

#include <algorithm>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;
using kubernetes::ApiAnswer;
using kubernetes::ApiRequest;

ApiAnswer good(std::uint16_t status, const json::value& object) { return {status, json::serialize(object)}; }

ApiAnswer bad(std::uint16_t status, std::string reason, std::string message) {
  return {status, {}, std::move(reason), std::move(message)};
}

// RFC 7396.
void merge(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  for (const auto& member : patch.get_object()) {
    if (member.value().is_null())
      target.get_object().erase(member.key());
    else
      merge(target.get_object()[member.key()], member.value());
  }
}

std::string version_of(const json::object& secret) {
  const auto& metadata = secret.at("metadata").as_object();
  const auto* version = metadata.if_contains("resourceVersion");
  return version == nullptr ? std::string() : std::string(version->as_string());
}

}  // namespace

kubernetes::ApiCall MemorySecrets::call() {
  return [this](ApiRequest request) { return answer(std::move(request)); };
}

Awaitable<Result<ApiAnswer>> MemorySecrets::answer(ApiRequest request) {
  if (before) before(request);
  requests_.push_back(request);
  if (auto& faults = faults_[request.method]; !faults.empty()) {
    ApiAnswer fault = std::move(faults.front());
    faults.pop_front();
    co_return fault;
  }
  ApiAnswer done = carry_out(request);
  if (int& lost = lost_[request.method]; lost > 0) {
    --lost;
    co_return Failure(FailureKind::upstream_closed, "the connection was cut");
  }
  co_return done;
}

ApiAnswer MemorySecrets::carry_out(const ApiRequest& request) {
  const std::string all = std::string("/api/v1/namespaces/") + name_space + "/secrets";
  const auto query = request.path.find('?');
  const std::string path = request.path.substr(0, query);
  if (path == all && request.method == "GET")
    return list(query == std::string::npos ? "" : request.path.substr(query + 1));
  if (path == all && request.method == "POST") {
    const auto object = json::parse(request.body).as_object();
    const std::string name(object.at("metadata").at("name").as_string());
    if (secrets_.contains(name)) return bad(409, "AlreadyExists", "secrets \"" + name + "\" already exists");
    put(object);
    return good(201, secrets_.at(name));
  }
  if (!path.starts_with(all + "/")) return bad(404, "NotFound", "no such resource");
  return change(path.substr(all.size() + 1), request);
}

ApiAnswer MemorySecrets::list(const std::string& query) const {
  std::string next;
  if (const auto at = query.find("&continue="); at != std::string::npos) next = query.substr(at + 10);
  json::array items;
  std::string more;
  for (auto secret = secrets_.lower_bound(next); secret != secrets_.end(); ++secret) {
    const auto* labels = secret->second.at("metadata").as_object().if_contains("labels");
    if (labels == nullptr || !labels->as_object().contains("gatehouse.dev/record")) continue;
    if (items.size() == page) {
      more = secret->first;
      break;
    }
    items.push_back(secret->second);
  }
  json::object metadata{{"resourceVersion", std::to_string(version_)}};
  if (!more.empty()) metadata["continue"] = more;
  return good(200, json::object{{"kind", "SecretList"}, {"metadata", metadata}, {"items", items}});
}

ApiAnswer MemorySecrets::change(const std::string& name, const ApiRequest& request) {
  const auto found = secrets_.find(name);
  if (found == secrets_.end()) return bad(404, "NotFound", "secrets \"" + name + "\" not found");
  if (request.method == "GET") return good(200, found->second);
  const json::object body = json::parse(request.body).as_object();
  const char* place = request.method == "DELETE" ? "preconditions" : "metadata";
  const auto& conditions = body.contains(place) ? body.at(place).as_object() : json::object();
  const auto* version = conditions.if_contains("resourceVersion");
  if (version != nullptr && version->as_string() != version_of(found->second))
    return bad(409, "Conflict", "the object has been modified; please apply your changes to the latest version");
  if (request.method == "DELETE") {
    drop(name);
    return good(200, json::object{{"kind", "Status"}, {"status", "Success"}});
  }
  if (request.method != "PATCH" || request.content_type != "application/merge-patch+json")
    return bad(415, "UnsupportedMediaType", request.content_type);
  json::value patched = found->second;
  merge(patched, body);
  // What changes nothing makes no new version, as etcd3's store does it.
  if (patched != json::value(found->second)) put(patched.as_object());
  return good(200, secrets_.at(name));
}

void MemorySecrets::put(json::object object) {
  auto& metadata = object.at("metadata").as_object();
  metadata["resourceVersion"] = std::to_string(++version_);
  const std::string name(metadata.at("name").as_string());
  tell_later(false, object);
  secrets_.insert_or_assign(name, std::move(object));
}

void MemorySecrets::drop(const std::string& name) {
  json::object last = secrets_.at(name);
  last.at("metadata").as_object()["resourceVersion"] = std::to_string(++version_);
  secrets_.erase(name);
  tell_later(true, last);
}

void MemorySecrets::tell_later(bool gone, const json::object& object) {
  for (Watching& watching : watchers_) watching.waiting.push_back({gone, object});
}

bool MemorySecrets::tell() {
  bool any = false;
  for (Watching& watching : watchers_)
    while (!watching.waiting.empty()) {
      const Event event = std::move(watching.waiting.front());
      watching.waiting.pop_front();
      (event.gone ? watching.watcher.gone : watching.watcher.seen)(event.object);
      any = true;
    }
  return any;
}

json::object* MemorySecrets::secret(const std::string& name) {
  const auto found = secrets_.find(name);
  return found == secrets_.end() ? nullptr : &found->second;
}

std::vector<std::string> MemorySecrets::names(const std::string& kind) const {
  std::vector<std::string> names;
  for (const auto& [name, secret] : secrets_) {
    const auto* labels = secret.at("metadata").as_object().if_contains("labels");
    const auto* label = labels == nullptr ? nullptr : labels->as_object().if_contains("gatehouse.dev/record");
    if (label != nullptr && std::string_view(label->as_string()) == kind) names.push_back(name);
  }
  return names;
}

std::size_t MemorySecrets::count(const std::string& method) const {
  return static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(), [&](const auto& request) { return request.method == method; }));
}

}  // namespace gatehouse::acme
