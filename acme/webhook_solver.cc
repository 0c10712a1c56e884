#include "acme/webhook_solver.h"

#include "base/base64.h"
#include "base/escape.h"

namespace gatehouse::acme {
namespace {

// RFC 7617 wants the standard alphabet and its padding.
std::string padded_base64(std::string_view bytes) {
  std::string text = base64url(bytes);
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

HeaderFields authorization(const WebhookSettings& settings) {
  if (!settings.token.empty()) return {{"Authorization", "Bearer " + settings.token}};
  if (settings.user.empty()) return {};
  return {{"Authorization", "Basic " + padded_base64(settings.user + ":" + settings.password)}};
}

// `action` becomes the last piece of the path; a query stays behind it.
std::string url_of(std::string_view url, const std::string& action) {
  const auto query = url.find('?');
  std::string path(url.substr(0, query));
  while (path.ends_with('/')) path.pop_back();
  path.append("/").append(action);
  if (query != std::string_view::npos) path.append(url.substr(query));
  return path;
}

std::string body_of(const TxtValue& value) {
  std::string body = "{\"fqdn\":";
  append_json_string(body, value.name.text() + ".");
  body += ",\"value\":";
  append_json_string(body, value.value);
  return body + "}";
}

}  // namespace

Awaitable<Result<void>> WebhookSolver::add(HostName, TxtValue value) {
  auto added = co_await call("present", std::move(value));
  co_return added;
}

Awaitable<Result<void>> WebhookSolver::remove(HostName, TxtValue value) {
  auto removed = co_await call("cleanup", std::move(value));
  co_return removed;
}

Awaitable<Result<void>> WebhookSolver::call(std::string action, TxtValue value) {
  const std::string url = url_of(settings_.url, action);
  auto status = co_await post_(url, "application/json", body_of(value), authorization(settings_));
  const std::string webhook = "the webhook's " + action + " ";
  if (!status) co_return Failure(FailureKind::challenge_failed, webhook + "failed: " + describe(status.error()));
  if (*status >= 200 && *status < 300) co_return Result<void>();
  co_return Failure(FailureKind::challenge_failed, webhook + "answered with status " + std::to_string(*status));
}

}  // namespace gatehouse::acme
