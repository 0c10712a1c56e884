// One certificate resolver as it works: its settings made into rules for the plan, into the accounts and the clients of
// its CAs, and into the solvers of its challenges. Made anew when the settings are read again; orders under way keep
// the one they began with. Control thread.
#pragma once

#include "acme/account.h"
#include "acme/board.h"
#include "acme/order.h"
#include "acme/plan.h"
#include "base/deadline.h"
#include "config/settings.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::acme {

// What a resolver works with.
struct ResolverPorts {
  Clock& clock;  // outlives the resolver
  std::shared_ptr<Board> board;
  // How to talk to servers that show a certificate of one of these roots (PEM files); none: of the system's.
  std::function<Result<Client::Fetch>(const std::vector<std::string>& root_files)> fetch;
  std::shared_ptr<KeyMaker> keys = {};  // null: on the control thread
};

// `fetch` for real: a Fetcher for each call, which lives as long as what it returned. `io` and `deadlines` outlive it.
std::function<Result<Client::Fetch>(const std::vector<std::string>&)> fetch_by_network(asio::io_context& io,
                                                                                       Deadlines& deadlines,
                                                                                       Fetcher::Resolve resolve);

class Resolver {
 public:
  // bad_configuration: files that cannot be read, values that mean nothing; the detail names the setting.
  static Result<std::shared_ptr<Resolver>> make(std::string name, const AcmeSettings& settings, ResolverPorts ports);

  const std::string& name() const { return name_; }
  const ResolverRules& rules() const { return rules_; }
  const OrderPolicy& policy() const { return policy_; }
  bool reuses_keys() const { return reuses_keys_; }
  bool gathers() const { return rules_.gather; }
  AccountSettings account_settings(const std::string& ca) const;

  // Null: not one of its CAs.
  Client* client(const std::string& ca);
  // DNS-01 where there is a wildcard among them, else the first of HTTP-01, TLS-ALPN-01 and DNS-01 that it has. Null:
  // it has none that does.
  Solver* solver_for(const std::vector<HostName>& names);

 private:
  Resolver(std::string name, const AcmeSettings& settings);
  Result<void> add_account_settings(const AcmeSettings& settings);
  Result<void> add_solvers(const AcmeSettings& settings, const ResolverPorts& ports);

  const std::string name_;
  ResolverRules rules_;
  OrderPolicy policy_;
  bool reuses_keys_ = false;
  AccountSettings account_;
  std::map<std::string, std::unique_ptr<Client>> clients_;  // by CA
  std::unique_ptr<Solver> over_http_, over_tls_, over_dns_;
};

}  // namespace gatehouse::acme
