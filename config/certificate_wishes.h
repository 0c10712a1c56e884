// CertificateWishes: which objects ask which certificates resolver for what. Part of translation.
//
// An Ingress asks the resolver its annotation names; without one, the resolver that takes the place of the cert-manager
// issuer it names; without that, those of its entry points. One request for each entry of spec.tls, one for each
// router.tls.domains, and one for each host of its rules that none of these names. An IngressRouteTCP asks only the
// resolver it names. http.tls.domains of an entry point are asked for whatever the routes say.
//
// Nothing is asked for where another certificate serves already and nobody named a resolver, or where cert-manager is
// in charge: its Secret is there, or the object names an issuer of its own.
#pragma once

#include "config/certificate_choice.h"
#include "config/contribution.h"
#include "config/entry_point_choice.h"
#include "config/ingress_draft.h"

#include <string_view>
#include <unordered_set>

namespace gatehouse {

class NameSet {
 public:
  // False: it was there.
  bool add(const HostName& name) { return names_.insert(name.text()).second; }
  // Has the name, or a wildcard that stands for it.
  bool covers(const HostName& host) const;

 private:
  std::unordered_set<std::string> names_;
};

class CertificateWishes {
 public:
  // Both outlive it.
  CertificateWishes(const TranslationInput& input, CertificateChoice& certificates);

  void of_entry_points(Contribution& into);
  // `set`: where the Ingress is served.
  void of_ingress(const IngressDraft& draft, EntryPointSet set, const Claimant& claimant, SecretFinder& secrets,
                  Contribution& into);
  // A route that ends TLS.
  void of_tcp_route(const kubernetes::IngressRouteTcp& object, const TcpRule& rule, EntryPointSet set,
                    const Claimant& claimant, SecretFinder& secrets, Contribution& into);

 private:
  using Names = std::vector<HostName>;
  // Who is asked, for one object.
  struct Asked {
    std::vector<const std::string*> resolvers;  // of kind acme
    bool by_name = false;  // the object says so itself
    bool internal = false;  // the built-in CA
    std::string_view foreign_issuer;  // cert-manager is in charge; empty: it is not
  };
  struct Asking {
    const kubernetes::Meta& meta;
    const Claimant& claimant;
    const Asked& asked;
    SecretFinder& secrets;
    Contribution& into;
  };

  void look_for(const IngressDraft& draft, EntryPointSet set, const Claimant& claimant);
  const std::string* place_of(std::string_view issuer) const;
  void warn_of_unknown(const std::string& resolver, int line, std::string_view what, const Claimant& claimant) const;
  // Hosts of an Ingress that need no request of their own.
  struct Settled {
    NameSet named;  // exactly these
    NameSet covered;  // and by wildcard
    std::set<ObjectName> secrets;  // and what these cover
  };

  void of_tls_entry(const Asking& asking, const kubernetes::IngressTls& tls, Settled& settled);
  void of_secret(const Asking& asking, const std::string& secret, const std::vector<std::string>& hosts, int line,
                 bool requested);
  bool manager_is_in_charge(const Asking& asking, const ObjectName& secret, int line) const;
  std::vector<std::vector<std::string>> claimable(const Asking& asking, std::vector<std::vector<std::string>> groups,
                                                  int line) const;
  Names domains(const Asking& asking, const std::vector<std::vector<std::string>>& groups, int line);
  void of_rule_hosts(const Asking& asking, const IngressDraft& draft, Settled& settled);
  void ask(const Asking& asking, const Names& names);
  void request(const std::string& resolver, Names names, std::string asked_by, WallTime since, Contribution& into);
  bool in_domains_of(const std::string& resolver, const HostName& host) const;

  const TranslationInput& input_;
  CertificateChoice& certificates_;
  EntryPointSet internal_ = 0;  // whose hosts the built-in CA may issue for
  std::vector<std::pair<EntryPointSet, const std::string*>> acme_;  // entry points by resolver
  std::map<std::string_view, NameSet> domains_;  // of entry points, by resolver
  Asked asked_;  // for the object at hand; keeps its memory
  const kubernetes::IngressRouteTcp* last_tcp_ = nullptr;  // whose domains have been asked for
};

}  // namespace gatehouse
