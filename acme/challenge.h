// How control over a host is shown to a CA (RFC 8555 §8).
#pragma once

#include "base/asio.h"
#include "base/names.h"
#include "base/result.h"

#include <string>
#include <string_view>

namespace gatehouse::acme {

// One challenge as the CA has set it.
struct Challenge {
  HostName host;  // without `*.`: for a wildcard the base domain (§7.1.3)
  std::string token;              // [A-Za-z0-9_-], 22 to 128 characters; anything else was refused before
  std::string key_authorization;  // token.thumbprint (§8.1)
};

// Shows answers to one kind of challenge. Several challenges may be shown at once.
class Solver {
 public:
  virtual ~Solver() = default;

  // http-01, tls-alpn-01 or dns-01.
  virtual std::string_view type() const = 0;
  // Returns when the CA may look: the answer is live (for DNS: seen on every authoritative server).
  virtual Awaitable<Result<void>> present(Challenge challenge) = 0;
  // Takes the answer away again; failing is only worth a line in the log.
  virtual Awaitable<Result<void>> clean_up(Challenge challenge) = 0;
};

}  // namespace gatehouse::acme
