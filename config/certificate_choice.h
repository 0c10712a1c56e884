// CertificateChoice: which certificate each host shows, gathered while routes are translated. Part of translation.
//
// Certificates of the static configuration come first, then Secrets in the order they are named, then what ACME
// resolvers obtained; of two for one host the first has it. Of those obtained the host shows the one that ends last. A
// Secret that is missing or broken costs only its hosts: they keep its last good certificate, or else fall to the
// built-in CA or the default certificate.
#pragma once

#include "config/claimant.h"
#include "config/secret_finder.h"
#include "config/translation.h"

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace gatehouse {

// What ACME resolvers obtained, by name. Made once for an input, which outlives it.
class ObtainedCertificates {
 public:
  explicit ObtainedCertificates(const TranslationInput& input);

  // Of those for the host, the one that ends last; null: none.
  tls::CertificatePtr best(const std::string& resolver, const HostName& host) const;

 private:
  using ByName = std::unordered_map<std::string, tls::CertificatePtr>;
  std::map<std::string, ByName, std::less<>> resolvers_;  // those of the settings
};

class CertificateChoice {
 public:
  // Both outlive it.
  CertificateChoice(const TranslationInput& input, const ObtainedCertificates& obtained);

  // Shows the Secret's certificate for `hosts`, or when there are none for the certificate's own names.
  void show(SecretFinder& secrets, const ObjectName& secret, const std::vector<std::string>& hosts,
            const Claimant& claimant, int line);

  // Whether a certificate of the static configuration names the host.
  bool is_configured(const HostName& host) const;
  // After everything else: where nothing else names the hosts that are asked of ACME resolvers, they show what the
  // resolver obtained, or what the settings say for until then.
  void settle(const std::vector<CertificateRequest>& requests);
  // Shows at once what the resolver obtained for the host. False: nothing.
  bool show_obtained(const std::string& resolver, const HostName& host);

  // The built-in CA may make certificates for this host; a name it is not is passed over.
  void may_issue(std::string_view host);
  bool issues() const { return input_.internal_ca != nullptr; }

  // Hosts that something other than the static configuration was said of so far.
  std::vector<std::string> hosts() const;
  tls::CertificateStore::Contents contents();

 private:
  void settle(const std::string& resolver, const HostName& host);
  void show_for(const HostName& host, const tls::CertificatePtr& certificate, const Claimant* claimant, int line);

  const TranslationInput& input_;
  const ObtainedCertificates& obtained_;
  std::vector<tls::CertificateStore::Entry> entries_;
  std::unordered_map<std::string, std::size_t> shown_;  // host → entry
  std::set<const tls::Certificate*> shown_whole_;       // with all their own names
  std::set<std::string, std::less<>> issuable_;
  std::unordered_set<std::string_view> configured_;  // names of the static configuration's certificates
  std::vector<HostName> bare_;
};

}  // namespace gatehouse
