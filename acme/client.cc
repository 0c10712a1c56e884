#include "acme/client.h"

#include "acme/json.h"
#include "acme/timestamp.h"
#include "base/base64.h"
#include "proxy/http/message.h"

#include <boost/json.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

constexpr Duration soonest_window = std::chrono::minutes(1);
constexpr Duration usual_window = std::chrono::hours(6);
constexpr Duration latest_window = std::chrono::hours(24);

bool is_nonce(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return !text.empty() && text.size() <= 512 && text.find_first_not_of(alphabet) == std::string_view::npos;
}

json::array array_of(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

Result<std::string> account_payload(const Signer& signer, const NewAccount& wanted, const std::string& url) {
  json::object payload;
  if (wanted.only_existing) {
    payload["onlyReturnExisting"] = true;
    return json::serialize(payload);
  }
  payload["termsOfServiceAgreed"] = true;
  if (!wanted.contact.empty()) payload["contact"] = array_of(wanted.contact);
  if (wanted.external) {
    const auto binding = parse_object(external_binding(*wanted.external, *signer.key, url));
    if (!binding) return binding.error();
    payload["externalAccountBinding"] = *binding;
  }
  return json::serialize(payload);
}

std::string order_payload(const NewOrder& wanted, const Directory& directory) {
  json::array identifiers;
  for (const HostName& name : wanted.names)
    identifiers.push_back(json::object{{"type", "dns"}, {"value", name.text()}});
  json::object payload{{"identifiers", std::move(identifiers)}};
  if (!wanted.profile.empty()) payload["profile"] = wanted.profile;
  if (!wanted.replaces.empty() && !directory.renewal_info.empty()) payload["replaces"] = wanted.replaces;
  return json::serialize(payload);
}

Trouble not_offered(std::string_view what) {
  Trouble trouble = trouble_of(Failure(FailureKind::ca_refused, "it does not offer " + std::string(what)));
  trouble.remedy = Remedy::person;
  return trouble;
}

}  // namespace

Client::Client(Fetch fetch, Clock& clock, std::string directory_url)
    : fetch_(std::move(fetch)), clock_(clock), directory_url_(std::move(directory_url)), rule_(directory_url_) {}

std::optional<WallTime> Client::retry_after(const FetchResponse& response) const {
  return parse_retry_after(response.header("retry-after"), clock_.wall_now());
}

void Client::keep_nonce(const FetchResponse& response) {
  const std::string_view nonce = response.header("replay-nonce");
  if (!is_nonce(nonce)) return;
  if (nonces_.size() >= most_nonces) nonces_.erase(nonces_.begin());
  nonces_.emplace_back(nonce);
}

Awaitable<Answer<FetchResponse>> Client::ask(FetchRequest request) {
  auto response = co_await fetch_(std::move(request));
  if (!response) co_return trouble_of(response.error());
  keep_nonce(*response);
  if (response->status >= 200 && response->status < 300) co_return std::move(*response);
  co_return trouble_of(response->status, read_problem(response->status, response->body), retry_after(*response));
}

Awaitable<Answer<Directory>> Client::directory() {
  if (directory_ && clock_.now() < directory_seen_ + directory_age) co_return *directory_;
  FetchRequest request;
  request.url = directory_url_;
  auto response = co_await ask(std::move(request));
  if (!response) co_return response.error();
  const auto object = parse_object(response->body);
  if (!object) co_return trouble_of(Failure(object.error().kind, "its directory: " + object.error().detail));
  auto read = directory_of(*object, rule_);
  if (!read) co_return trouble_of(read.error());
  directory_ = std::move(*read);
  directory_seen_ = clock_.now();
  co_return *directory_;
}

Awaitable<Answer<std::string>> Client::take_nonce() {
  // The youngest is the least likely to have expired.
  if (nonces_.empty()) {
    auto known = co_await directory();
    if (!known) co_return known.error();
    FetchRequest request;
    request.method = "HEAD";
    request.url = known->new_nonce;
    auto response = co_await ask(std::move(request));
    if (!response) co_return response.error();
  }
  if (nonces_.empty()) co_return trouble_of(Failure(FailureKind::bad_answer, "it gives no nonce"));
  std::string nonce = std::move(nonces_.back());
  nonces_.pop_back();
  co_return nonce;
}

Awaitable<Answer<FetchResponse>> Client::post_once(Signer signer, const Posted& posted) {
  auto nonce = co_await take_nonce();
  if (!nonce) co_return nonce.error();
  ProtectedHeader header{posted.url, std::move(*nonce), {}};
  if (!posted.embed_key) header.account = signer.account;
  auto body = sign_jws(*signer.key, header, posted.payload);
  if (!body) co_return trouble_of(body.error());
  FetchRequest request;
  request.method = "POST";
  request.url = posted.url;
  request.headers.emplace_back("Content-Type", "application/jose+json");
  if (!posted.accept.empty()) request.headers.emplace_back("Accept", posted.accept);
  request.body = std::move(*body);
  auto response = co_await ask(std::move(request));
  co_return response;
}

// A lost answer is repeated once for calls that change nothing, and always with a nonce of its own.
Awaitable<Answer<FetchResponse>> Client::post(Signer signer, Posted posted) {
  bool lost_before = false;
  for (int tries = 0; tries < most_nonce_tries; ++tries) {
    auto response = co_await post_once(signer, posted);
    if (response) co_return response;
    const Trouble& trouble = response.error();
    const bool lost = posted.repeatable && trouble.failure.kind == FailureKind::upstream_closed;
    if (trouble.type == "badNonce") continue;
    if (!lost || lost_before) co_return response;
    lost_before = true;
  }
  co_return trouble_of(Failure(FailureKind::ca_refused, "it rejects every nonce"));
}

Awaitable<Answer<FetchResponse>> Client::post_as_get(Signer signer, std::string url, std::string accept) {
  Posted posted;
  posted.url = std::move(url);
  posted.repeatable = true;
  posted.accept = std::move(accept);
  auto response = co_await post(std::move(signer), std::move(posted));
  co_return response;
}

Answer<AccountState> Client::read_account(const Answer<FetchResponse>& response, const std::string& known_url) const {
  if (!response) return response.error();
  const auto object = parse_object(response->body);
  if (!object) return trouble_of(Failure(object.error().kind, "its account: " + object.error().detail));
  const std::string location(response->header("location"));
  auto account = account_of(*object, known_url.empty() ? location : known_url, rule_);
  if (!account) return trouble_of(account.error());
  if (account->status == Status::valid) return std::move(*account);
  Trouble trouble = trouble_of(Failure(FailureKind::ca_refused, "the account is deactivated or revoked"));
  trouble.remedy = Remedy::person;
  return trouble;
}

Awaitable<Answer<AccountState>> Client::new_account(Signer signer, NewAccount wanted) {
  auto known = co_await directory();
  if (!known) co_return known.error();
  if (known->external_account_required && !wanted.external && !wanted.only_existing)
    co_return not_offered("accounts without an external account binding (eab)");
  auto payload = account_payload(signer, wanted, known->new_account);
  if (!payload) co_return trouble_of(payload.error());
  Posted posted{known->new_account, std::move(*payload)};
  posted.embed_key = true;
  posted.repeatable = true;  // the second time it finds the account of this key
  auto response = co_await post(std::move(signer), std::move(posted));
  co_return read_account(response, {});
}

Awaitable<Answer<AccountState>> Client::account(Signer signer) {
  auto response = co_await post_as_get(signer, signer.account, {});
  co_return read_account(response, signer.account);
}

Awaitable<Answer<AccountState>> Client::update_contact(Signer signer, std::vector<std::string> contact) {
  Posted posted{signer.account, json::serialize(json::object{{"contact", array_of(contact)}})};
  posted.repeatable = true;
  auto response = co_await post(signer, std::move(posted));
  co_return read_account(response, signer.account);
}

Awaitable<Answer<void>> Client::change_key(Signer signer, std::shared_ptr<const tls::PrivateKey> next) {
  auto known = co_await directory();
  if (!known) co_return known.error();
  if (known->key_change.empty()) co_return not_offered("a change of the account's key");
  auto inner = key_change(*signer.key, *next, signer.account, known->key_change);
  if (!inner) co_return trouble_of(inner.error());
  Posted posted{known->key_change, std::move(*inner)};
  auto response = co_await post(std::move(signer), std::move(posted));
  if (!response) co_return response.error();
  co_return Answer<void>();
}

Answer<OrderState> Client::read_order(const Answer<FetchResponse>& response, const std::string& known_url) const {
  if (!response) return response.error();
  const auto object = parse_object(response->body);
  if (!object) return trouble_of(Failure(object.error().kind, "its order: " + object.error().detail));
  const std::string location(response->header("location"));
  auto order = order_of(*object, known_url.empty() ? location : known_url, rule_);
  if (!order) return trouble_of(order.error());
  order->not_before = retry_after(*response);
  return std::move(*order);
}

Awaitable<Answer<OrderState>> Client::new_order(Signer signer, NewOrder wanted) {
  auto known = co_await directory();
  if (!known) co_return known.error();
  const auto& profiles = known->profiles;
  if (!wanted.profile.empty() && std::find(profiles.begin(), profiles.end(), wanted.profile) == profiles.end())
    co_return not_offered("the profile '" + wanted.profile + "'");
  Posted posted{known->new_order, order_payload(wanted, *known)};
  auto response = co_await post(std::move(signer), std::move(posted));
  co_return read_order(response, {});
}

Awaitable<Answer<OrderState>> Client::order(Signer signer, std::string url) {
  auto response = co_await post_as_get(std::move(signer), url, {});
  co_return read_order(response, url);
}

Awaitable<Answer<std::vector<std::string>>> Client::orders(Signer signer, std::string list_url) {
  auto response = co_await post_as_get(std::move(signer), std::move(list_url), {});
  if (!response) co_return response.error();
  const auto object = parse_object(response->body);
  if (!object) co_return trouble_of(Failure(object.error().kind, "its orders: " + object.error().detail));
  std::vector<std::string> urls = texts_at(*object, "orders");
  std::erase_if(urls, [this](const std::string& url) { return !rule_.check(url, "order"); });
  co_return urls;
}

Awaitable<Answer<Authorization>> Client::authorization(Signer signer, std::string url) {
  auto response = co_await post_as_get(std::move(signer), url, {});
  if (!response) co_return response.error();
  const auto object = parse_object(response->body);
  if (!object) co_return trouble_of(Failure(object.error().kind, "its authorization: " + object.error().detail));
  auto authorization = authorization_of(*object, url, rule_);
  if (!authorization) co_return trouble_of(authorization.error());
  authorization->not_before = retry_after(*response);
  co_return std::move(*authorization);
}

Awaitable<Answer<void>> Client::start_challenge(Signer signer, std::string url) {
  Posted posted{std::move(url), "{}"};
  posted.repeatable = true;
  auto response = co_await post(std::move(signer), std::move(posted));
  if (!response) co_return response.error();
  co_return Answer<void>();
}

Awaitable<Answer<OrderState>> Client::finalize(Signer signer, OrderState order, std::string csr) {
  Posted posted{order.finalize, json::serialize(json::object{{"csr", base64url(csr)}})};
  auto response = co_await post(std::move(signer), std::move(posted));
  co_return read_order(response, order.url);
}

Awaitable<Answer<std::vector<std::string>>> Client::certificate(Signer signer, std::string url) {
  const std::string pem = "application/pem-certificate-chain";
  auto response = co_await post_as_get(signer, std::move(url), pem);
  if (!response) co_return response.error();
  std::vector<std::string> chains{std::move(response->body)};
  std::vector<std::string> alternates;
  for (const auto& [name, value] : response->headers)
    if (same_name(name, "link"))
      for (std::string& target : links(value, "alternate")) alternates.push_back(std::move(target));
  alternates.resize(std::min(alternates.size(), most_alternates));
  for (const std::string& alternate : alternates) {
    if (!rule_.check(alternate, "alternate chain")) continue;
    auto other = co_await post_as_get(signer, alternate, pem);
    if (other) chains.push_back(std::move(other->body));
  }
  co_return chains;
}

Awaitable<Answer<void>> Client::revoke(Signer signer, std::string certificate, int reason) {
  auto known = co_await directory();
  if (!known) co_return known.error();
  if (known->revoke_certificate.empty()) co_return not_offered("revocation");
  const json::object payload{{"certificate", base64url(certificate)}, {"reason", reason}};
  Posted posted{known->revoke_certificate, json::serialize(payload)};
  posted.embed_key = signer.account.empty();
  auto response = co_await post(std::move(signer), std::move(posted));
  if (!response && response.error().type != "alreadyRevoked") co_return response.error();
  co_return Answer<void>();
}

Awaitable<Answer<std::optional<RenewalWindow>>> Client::renewal_info(std::string id) {
  auto known = co_await directory();
  if (!known) co_return known.error();
  if (known->renewal_info.empty() || id.empty()) co_return std::optional<RenewalWindow>();
  FetchRequest request;
  request.url = known->renewal_info + "/" + id;
  auto response = co_await ask(std::move(request));
  if (!response) co_return response.error();
  const auto object = parse_object(response->body);
  if (!object) co_return trouble_of(Failure(object.error().kind, "its renewal information: " + object.error().detail));
  auto window = renewal_window_of(*object);
  if (!window) co_return trouble_of(window.error());
  const WallTime now = clock_.wall_now();
  window->ask_again = std::clamp<WallTime>(retry_after(*response).value_or(now + usual_window), now + soonest_window,
                                           now + latest_window);
  co_return std::optional<RenewalWindow>(std::move(*window));
}

}  // namespace gatehouse::acme
