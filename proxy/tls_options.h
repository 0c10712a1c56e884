// The TLS options that hosts have for themselves (tls.options.<name>), as a part of a snapshot: immutable. ◦
//
// They hold for a connection by the server name in its handshake, and bind its requests: a host is only served on a
// connection that was made under its own options, for otherwise a client could shake hands with a lax host and then ask
// for a strict one (RFC 9110 §7.4: 421). A host that is not in the table has those of the entry point.
#pragma once

#include "base/names.h"
#include "tls/server_context.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse {

struct TlsOptions {
  std::string name;
  // Never null. Which of them is the matter of the entry point, and of what the connection is to carry.
  std::shared_ptr<const tls::ServerContext> with_http2, without_http2;
  bool sni_strict = false;  // no default certificate
};

using TlsOptionsPtr = std::shared_ptr<const TlsOptions>;

class TlsOptionsTable {
 public:
  struct Entry {
    HostName host;  // exact, or with a one-label wildcard
    TlsOptionsPtr options;
  };

  TlsOptionsTable() = default;
  // Of two for one host the first counts.
  explicit TlsOptionsTable(const std::vector<Entry>& entries);

  // For a normalised host: the exact one's, else the wildcard's, else null. One or two hash probes, none while empty.
  const TlsOptions* find(std::string_view host) const;
  bool empty() const { return options_.empty(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, TlsOptionsPtr, Hash, std::equal_to<>> options_;  // *.a.b under .a.b
};

// Under which options a connection was made.
struct TlsTerms {
  std::string options;  // their name
  std::string client_auth;  // what the client has shown (tls::ServerContext::client_auth)

  bool operator==(const TlsTerms&) const = default;
};

}  // namespace gatehouse
