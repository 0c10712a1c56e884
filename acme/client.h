// Client: one call for each resource of a CA (RFC 8555 §7, RFC 9773). Plumbing: it signs, keeps nonces, repeats what
// the CA rejected for its nonce alone, and turns refusals into Trouble. It decides nothing; the flow is in order.
#pragma once

#include "acme/jws.h"
#include "acme/problem.h"
#include "acme/resources.h"
#include "base/asio.h"
#include "base/clock.h"
#include "proxy/http/fetch.h"
#include "tls/private_key.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

// Who signs. `account` is empty before the account exists.
struct Signer {
  std::shared_ptr<const tls::PrivateKey> key;
  std::string account;
};

struct NewAccount {
  std::vector<std::string> contact = {};  // mailto: URLs
  std::optional<ExternalAccount> external = {};
  bool only_existing = false;  // never make one: accountDoesNotExist instead
};

struct NewOrder {
  std::vector<HostName> names;
  std::string profile = {};   // empty: the CA's default
  std::string replaces = {};  // ARI identifier of the certificate this one renews; ignored by CAs without ARI
};

class Client {
 public:
  using Fetch = std::function<Awaitable<Result<FetchResponse>>(FetchRequest)>;
  static constexpr int most_nonce_tries = 20;  // pebble rejects any share of good nonces
  static constexpr std::size_t most_nonces = 16;
  static constexpr std::size_t most_alternates = 8;
  static constexpr Duration directory_age = std::chrono::hours(1);  // then it is asked for again

  // For one CA. One thread; several calls may be under way at once. The clock outlives it.
  Client(Fetch fetch, Clock& clock, std::string directory_url);

  const std::string& directory_url() const { return directory_url_; }

  Awaitable<Answer<Directory>> directory();

  // Makes the account of this key, or finds it (§7.3, §7.3.1). Agrees to the terms.
  Awaitable<Answer<AccountState>> new_account(Signer signer, NewAccount wanted);
  Awaitable<Answer<AccountState>> account(Signer signer);
  Awaitable<Answer<AccountState>> update_contact(Signer signer, std::vector<std::string> contact);
  Awaitable<Answer<void>> change_key(Signer signer, std::shared_ptr<const tls::PrivateKey> next);

  Awaitable<Answer<OrderState>> new_order(Signer signer, NewOrder wanted);
  Awaitable<Answer<OrderState>> order(Signer signer, std::string url);
  // The first page of an account's orders (§7.1.2.1), up to 200.
  Awaitable<Answer<std::vector<std::string>>> orders(Signer signer, std::string list_url);
  Awaitable<Answer<Authorization>> authorization(Signer signer, std::string url);
  // Tells the CA that it may look.
  Awaitable<Answer<void>> start_challenge(Signer signer, std::string url);
  // `csr`: PKCS#10 in DER.
  Awaitable<Answer<OrderState>> finalize(Signer signer, OrderState order, std::string csr);
  // The chains (PEM) the CA offers for one certificate: its default first, then the alternates (§7.4.2). An alternate
  // that cannot be had is left out.
  Awaitable<Answer<std::vector<std::string>>> certificate(Signer signer, std::string url);
  // §7.6. `certificate` in DER. `signer` is the account, or the certificate's own key without an account.
  Awaitable<Answer<void>> revoke(Signer signer, std::string certificate, int reason);

  // `id`: tls::Certificate::renewal_id(). Nothing when the CA has no ARI. `ask_again` lies between a minute and a day
  // from now, six hours when the CA does not say (RFC 9773 §4.3).
  Awaitable<Answer<std::optional<RenewalWindow>>> renewal_info(std::string id);

 private:
  struct Posted {
    std::string url, payload;
    bool embed_key = false;  // jwk instead of kid
    bool repeatable = false;  // may reach the CA twice
    std::string accept = {};
  };

  Awaitable<Answer<FetchResponse>> ask(FetchRequest request);
  Awaitable<Answer<FetchResponse>> post(Signer signer, Posted posted);
  Awaitable<Answer<FetchResponse>> post_as_get(Signer signer, std::string url, std::string accept);
  Awaitable<Answer<FetchResponse>> post_once(Signer signer, const Posted& posted);
  Awaitable<Answer<std::string>> take_nonce();
  void keep_nonce(const FetchResponse& response);
  Answer<AccountState> read_account(const Answer<FetchResponse>& response, const std::string& known_url) const;
  Answer<OrderState> read_order(const Answer<FetchResponse>& response, const std::string& known_url) const;
  std::optional<WallTime> retry_after(const FetchResponse& response) const;

  Fetch fetch_;
  Clock& clock_;
  const std::string directory_url_;
  const UrlRule rule_;
  std::optional<Directory> directory_;
  TimePoint directory_seen_{};
  std::vector<std::string> nonces_;
};

}  // namespace gatehouse::acme
