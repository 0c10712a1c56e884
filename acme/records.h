// What has to survive a restart, as plain values: accounts, certificates with their keys, orders under way, and the
// ledger of what was asked of a CA. Storage keeps them as records, whatever it stores in: files or Kubernetes Secrets.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::acme {

// Kinds are also folders of the directory store, and a label of Secrets.
enum class RecordKind : std::uint8_t { account, certificate, order, ledger, challenge };
inline constexpr std::array record_kinds{RecordKind::account, RecordKind::certificate, RecordKind::order,
                                         RecordKind::ledger, RecordKind::challenge};

// A name and named texts, as a Kubernetes Secret has them. `name` is made here of characters [a-z0-9._-] only.
struct Record {
  RecordKind kind{};
  std::string name;
  std::map<std::string, std::string> fields;

  bool operator==(const Record&) const = default;
};

// RFC 8555 §7.1.2. One per resolver and CA.
struct Account {
  std::string ca;       // the directory's URL
  std::string url;      // empty: not made yet
  std::string key_pem;  // PKCS#8
  std::string next_key_pem;  // of a key change under way (§7.3.5); empty: none
  std::vector<std::string> contact;  // mailto: URLs as last told to the CA

  bool operator==(const Account&) const = default;
};

// A suggested renewal window (RFC 9773 §4.2).
struct RenewalWindow {
  WallTime start, end;
  WallTime ask_again;  // from Retry-After
  std::string explanation_url;

  bool operator==(const RenewalWindow&) const = default;
};

struct StoredCertificate {
  std::string resolver;
  std::string ca;  // the directory's URL; empty: imported
  std::vector<HostName> names;  // as ordered, first the main one
  std::string chain_pem;
  std::string key_pem;
  WallTime stored{};
  std::optional<RenewalWindow> window = {};
  std::optional<WallTime> unwanted_since = {};  // its routes are gone
  bool renew_now = false;  // `gatehouse certs renew`
  bool revoked = false;    // on our wish: its key is not to be used again
  bool hurried = false;    // acme/renewal_policy

  bool operator==(const StoredCertificate&) const = default;
};

// An order whose certificate is not stored yet (RFC 8555 §7.1.3). Written before the CA is asked for anything, so that
// a restart takes it up again instead of making a second one.
struct PendingOrder {
  std::string resolver;
  std::string ca;
  std::vector<HostName> names;
  std::string key_pem;  // the certificate's key
  std::string url;  // empty: the CA's answer to the new order was not seen
  std::string replaces;  // ARI identifier of the certificate it renews (RFC 9773 §4.1); empty: none
  WallTime started{};

  bool operator==(const PendingOrder&) const = default;
};

// What is shown to a CA that looks at a host, while it may look: a restart goes on showing it, and so do the other
// replicas of a cluster.
struct PendingAnswer {
  std::string type;  // http-01, tls-alpn-01
  HostName host;
  std::string token;
  std::string key_authorization;
  std::string order;  // the record of the order it is for
  WallTime shown{};

  bool operator==(const PendingAnswer&) const = default;
};

}  // namespace gatehouse::acme
