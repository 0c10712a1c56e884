// What a certificate authority answers: each kind of resource read from the same JSON. Whatever is read is within its
// bounds, and leads nowhere but to URLs we ask.
#include "acme/json.h"
#include "acme/resources.h"
#include "acme/time_text.h"
#include "proxy/http/url.h"
#include "tests/fuzz/promise.h"
#include "tls/challenge_board.h"

#include <algorithm>

namespace {

using namespace gatehouse;
using namespace gatehouse::acme;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

void check_url(const std::string& url) {
  const auto parsed = parse_url(url);
  promise(parsed && parsed->tls, "a URL can be asked, by TLS");
}

void check_url_if_any(const std::string& url) {
  if (!url.empty()) check_url(url);
}

void check(const Directory& directory) {
  for (const auto& url : {directory.new_nonce, directory.new_account, directory.new_order}) check_url(url);
  for (const auto& url : {directory.revoke_certificate, directory.key_change, directory.renewal_info})
    check_url_if_any(url);
  promise(directory.profiles.size() <= 100, "profiles are bounded");
}

void check(const OrderState& order) {
  check_url(order.url);
  check_url(order.finalize);
  check_url_if_any(order.certificate);
  promise(!order.authorizations.empty() && order.authorizations.size() <= 100, "authorizations are bounded");
  for (const auto& url : order.authorizations) check_url(url);
  promise(is_printable(order.problem), "a problem is printable");
}

void check(const Authorization& authorization) {
  promise(!authorization.host.is_wildcard(), "what is validated is a host");
  promise(authorization.challenges.size() <= 20, "challenges are bounded");
  for (const auto& challenge : authorization.challenges) {
    check_url(challenge.url);
    promise(tls::is_challenge_token(challenge.token), "a token leads nowhere else");
  }
  promise(is_printable(authorization.problem), "a problem is printable");
}

void check(const RenewalWindow& window) {
  promise(window.start < window.end, "a window has a length");
  for (const WallTime time : {window.start, window.end})
    promise(parse_time(time_text(time)) == std::chrono::floor<std::chrono::seconds>(time), "an instant can be kept");
  promise(window.explanation_url.empty() || parse_url(window.explanation_url), "an explanation can be kept");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(data, size);
  for (const auto& target : links(text, "alternate")) promise(target.size() < size, "a link comes out of the field");
  const auto object = parse_object(text);
  if (!object) return 0;
  static const UrlRule rule("https://ca.test/directory");
  const std::string url = "https://ca.test/own";
  if (const auto directory = directory_of(*object, rule)) check(*directory);
  if (const auto account = account_of(*object, url, rule)) check_url_if_any(account->orders);
  if (const auto order = order_of(*object, url, rule)) check(*order);
  if (const auto authorization = authorization_of(*object, url, rule)) check(*authorization);
  if (const auto challenge = challenge_of(*object, rule)) check_url(challenge->url);
  if (const auto window = renewal_window_of(*object)) check(*window);
  return 0;
}
