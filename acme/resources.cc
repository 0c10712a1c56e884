#include "acme/resources.h"

#include "acme/json.h"
#include "acme/problem.h"
#include "acme/timestamp.h"
#include "base/escape.h"
#include "proxy/http/url.h"
#include "tls/challenge_board.h"

#include <algorithm>
#include <array>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

constexpr std::size_t max_names = 100;
constexpr std::size_t max_challenges = 20;

Failure bad(std::string words) { return Failure(FailureKind::bad_answer, std::move(words)); }

Result<Status> status_of(const json::object& object, std::string_view what) {
  constexpr std::array<std::string_view, 8> words{"pending", "ready",       "processing", "valid",
                                                  "invalid", "deactivated", "expired",    "revoked"};
  const std::string text = text_at(object, "status");
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return bad(std::string(what) + " has the status '" + printable(text.substr(0, 40)) + "'");
  return static_cast<Status>(found - words.begin());
}

std::string problem_in(const json::object& object) {
  const json::object error = object_at(object, "error");
  return error.empty() ? std::string() : words_of(problem_of(error));
}

std::vector<std::string> dns_names(const json::object& object) {
  std::vector<std::string> names;
  for (const auto& identifier : objects_at(object, "identifiers"))
    if (text_at(identifier, "type") == "dns") names.push_back(text_at(identifier, "value"));
  return names;
}

}  // namespace

Result<std::string> UrlRule::check(std::string url, std::string_view what) const {
  const auto parsed = parse_url(url);
  if (!parsed) return bad("the URL of its " + std::string(what) + ": " + parsed.error().detail);
  if (!parsed->tls && !plain_) return bad("the URL of its " + std::string(what) + " is not https");
  return url;
}

Result<std::string> UrlRule::check_if_any(std::string url, std::string_view what) const {
  if (url.empty()) return url;
  return check(std::move(url), what);
}

Result<Directory> directory_of(const json::object& object, const UrlRule& rule) {
  Directory directory;
  const std::array needed{std::pair("newNonce", &directory.new_nonce), std::pair("newAccount", &directory.new_account),
                          std::pair("newOrder", &directory.new_order)};
  for (const auto& [key, member] : needed) {
    auto url = rule.check(text_at(object, key), key);
    if (!url) return url.error();
    *member = std::move(*url);
  }
  const std::array optional{std::pair("revokeCert", &directory.revoke_certificate),
                            std::pair("keyChange", &directory.key_change),
                            std::pair("renewalInfo", &directory.renewal_info)};
  for (const auto& [key, member] : optional) {
    auto url = rule.check_if_any(text_at(object, key), key);
    if (!url) return url.error();
    *member = std::move(*url);
  }
  const json::object meta = object_at(object, "meta");
  directory.terms_of_service = text_at(meta, "termsOfService");
  directory.external_account_required = flag_at(meta, "externalAccountRequired");
  for (const auto& profile : object_at(meta, "profiles"))
    if (directory.profiles.size() < max_names) directory.profiles.emplace_back(profile.key());
  return directory;
}

Result<AccountState> account_of(const json::object& object, std::string url, const UrlRule& rule) {
  AccountState account;
  auto checked = rule.check(std::move(url), "account");
  if (!checked) return checked.error();
  auto status = status_of(object, "the account");
  if (!status) return status.error();
  account.url = std::move(*checked);
  account.status = *status;
  account.contact = texts_at(object, "contact");
  // A list that cannot be asked for is a list the CA does not give.
  const auto orders = rule.check_if_any(text_at(object, "orders"), "orders");
  if (orders) account.orders = *orders;
  return account;
}

Result<OrderState> order_of(const json::object& object, std::string url, const UrlRule& rule) {
  OrderState order;
  const auto status = status_of(object, "the order");
  auto own = rule.check(std::move(url), "order");
  auto finalize = rule.check(text_at(object, "finalize"), "finalize");
  auto certificate = rule.check_if_any(text_at(object, "certificate"), "certificate");
  if (!status) return status.error();
  for (const auto* checked : {&own, &finalize, &certificate})
    if (!*checked) return checked->error();
  order.url = std::move(*own);
  order.status = *status;
  order.finalize = std::move(*finalize);
  order.certificate = std::move(*certificate);
  order.names = dns_names(object);
  order.authorizations = texts_at(object, "authorizations");
  if (order.authorizations.empty() || order.authorizations.size() > max_names)
    return bad("an order with " + std::to_string(order.authorizations.size()) + " authorizations");
  for (const std::string& authorization : order.authorizations)
    if (auto checked = rule.check(authorization, "authorization"); !checked) return checked.error();
  order.problem = problem_in(object);
  return order;
}

Result<ChallengeState> challenge_of(const json::object& object, const UrlRule& rule) {
  ChallengeState challenge;
  auto url = rule.check(text_at(object, "url"), "challenge");
  if (!url) return url.error();
  const auto status = status_of(object, "the challenge");
  if (!status) return status.error();
  challenge.url = std::move(*url);
  challenge.status = *status;
  challenge.type = text_at(object, "type");
  challenge.token = text_at(object, "token");
  return challenge;
}

Result<Authorization> authorization_of(const json::object& object, std::string url, const UrlRule& rule) {
  const auto status = status_of(object, "the authorization");
  if (!status) return status.error();
  auto host = HostName::parse(text_at(object_at(object, "identifier"), "value"));
  if (!host) return bad("an authorization for no DNS name: " + host.error().detail);
  Authorization authorization{.url = std::move(url),
                              .status = *status,
                              .host = std::move(*host),
                              .wildcard = flag_at(object, "wildcard"),
                              .challenges = {},
                              .problem = {},
                              .problem_type = {}};
  for (const auto& element : objects_at(object, "challenges")) {
    auto challenge = challenge_of(element, rule);
    if (!challenge || authorization.challenges.size() >= max_challenges) continue;
    if (challenge->status == Status::invalid) {
      authorization.problem = problem_in(element);
      authorization.problem_type = problem_of(object_at(element, "error")).type;
    }
    if (tls::is_challenge_token(challenge->token)) authorization.challenges.push_back(std::move(*challenge));
  }
  return authorization;
}

Result<RenewalWindow> renewal_window_of(const json::object& object) {
  const json::object suggested = object_at(object, "suggestedWindow");
  const auto start = parse_rfc3339(text_at(suggested, "start"));
  const auto end = parse_rfc3339(text_at(suggested, "end"));
  if (!start || !end || *end <= *start || *start < WallTime()) return bad("the suggested renewal window is malformed");
  // For people only; a text that is no URL must not keep the certificate's record from being read again.
  std::string explanation = text_at(object, "explanationURL");
  if (!parse_url(explanation)) explanation.clear();
  return RenewalWindow{*start, *end, {}, std::move(explanation)};
}

std::vector<std::string> links(std::string_view field, std::string_view relation) {
  std::vector<std::string> targets;
  while (!field.empty()) {
    const std::size_t begin = field.find('<');
    const std::size_t end = field.find('>', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) break;
    const std::string_view target = field.substr(begin + 1, end - begin - 1);
    field.remove_prefix(end + 1);
    // The next link begins with `<`, which no parameter holds unquoted; ours are never quoted with it.
    const std::string_view parameters = field.substr(0, std::min(field.find('<'), field.size()));
    field.remove_prefix(parameters.size());
    for (const std::string& spelling : {"rel=\"" + std::string(relation) + "\"", "rel=" + std::string(relation)})
      if (parameters.find(spelling) != std::string_view::npos) {
        targets.emplace_back(target);
        break;
      }
  }
  return targets;
}

}  // namespace gatehouse::acme
