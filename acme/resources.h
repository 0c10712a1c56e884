// The resources of RFC 8555 §7.1 and RFC 9773 §4 as values, and how they are read out of a CA's JSON. ◦
//
// Every reader refuses what the flow could not go on with: URLs that are missing, too long or not https, statuses that
// are not known. Failures are bad_answer.
#pragma once

#include "acme/records.h"
#include "base/clock.h"
#include "base/names.h"
#include "base/result.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

// Which URLs of a CA may be followed: https, and http only for a CA whose directory is asked by http (in tests).
class UrlRule {
 public:
  explicit UrlRule(std::string_view directory_url) : plain_(directory_url.starts_with("http://")) {}
  // `what` names the URL in the failure.
  Result<std::string> check(std::string url, std::string_view what) const;
  // The same, but an empty one stays empty.
  Result<std::string> check_if_any(std::string url, std::string_view what) const;

 private:
  bool plain_;
};

struct Directory {
  std::string new_nonce, new_account, new_order, revoke_certificate, key_change;
  std::string renewal_info;  // empty: the CA has none (RFC 9773)
  std::string terms_of_service;
  std::vector<std::string> profiles;  // names; empty: the CA has none (draft-aaron-acme-profiles)
  bool external_account_required = false;
};

enum class Status : std::uint8_t { pending, ready, processing, valid, invalid, deactivated, expired, revoked };

struct AccountState {
  std::string url;
  Status status{};
  std::vector<std::string> contact;
  std::string orders;  // the list's URL; empty: the CA gives none
};

struct OrderState {
  std::string url;
  Status status{};
  std::vector<std::string> names;  // of the dns identifiers, as the CA writes them
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  // when valid
  std::string problem;  // in words, when invalid
  std::optional<WallTime> not_before = {};  // ask again no sooner (Retry-After)
};

struct ChallengeState {
  std::string type, url, token;
  Status status{};
};

struct Authorization {
  std::string url;
  Status status{};
  HostName host;
  bool wildcard = false;
  std::vector<ChallengeState> challenges;  // those with a tls::is_challenge_token; others are left out
  std::string problem;  // in words, of the challenge that failed
  std::string problem_type;
  std::optional<WallTime> not_before = {};
};

Result<Directory> directory_of(const boost::json::object& json, const UrlRule& rule);
Result<AccountState> account_of(const boost::json::object& json, std::string url, const UrlRule& rule);
Result<OrderState> order_of(const boost::json::object& json, std::string url, const UrlRule& rule);
Result<Authorization> authorization_of(const boost::json::object& json, std::string url, const UrlRule& rule);
Result<ChallengeState> challenge_of(const boost::json::object& json, const UrlRule& rule);
// `ask_again` is the caller's to set.
Result<RenewalWindow> renewal_window_of(const boost::json::object& json);

// The targets of a Link field with this relation (RFC 8288), unchecked.
std::vector<std::string> links(std::string_view field, std::string_view relation);

}  // namespace gatehouse::acme
