// What the settings name but do not contain: TLS contexts, certificates from files, the built-in CA. Reads the files
// and makes the rest of them into a TranslationInput. What did not change is made once and kept, so a reload neither
// invalidates session tickets nor reads the system's roots again; what cannot be read is a problem and stays as it
// last was. Control thread only.
#pragma once

#include "config/problem.h"
#include "config/settings.h"
#include "config/translation.h"
#include "tls/client_context.h"
#include "tls/internal_ca.h"
#include "tls/server_context.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

class Assembly {
 public:
  // `serve`: makes the built-in CA's root where there is none yet. `look`: neither reads nor makes it; another
  // one stands in, which is enough for everything but handshakes.
  enum class Purpose { serve, look };

  Assembly(Clock& clock, Purpose purpose);

  TranslationInput assemble(const Settings& settings, std::vector<Problem>& problems);
  const std::shared_ptr<tls::TicketKeys>& ticket_keys() const { return ticket_keys_; }
  // Session ticket keys grow old; call every few minutes.
  void rotate_ticket_keys() { ticket_keys_->rotate_if_due(clock_.wall_now()); }

 private:
  struct Transport {
    tls::ClientPolicy policy;
    std::shared_ptr<const tls::ClientContext> context;
  };
  // Made options, and what of.
  struct Termination {
    tls::ServerPolicy policy;  // with HTTP/2
    TlsOptionsPtr options;
  };

  void use_tls_options(const TlsSettings& settings, std::vector<Problem>& problems);
  void use_tls_options(const std::string& name, const TlsOptionsSettings& settings, std::vector<Problem>& problems);
  EntryPointTls entry_point_tls(const EntryPointSettings& settings) const;
  void use_client_context(const ServersTransportSettings& settings, std::vector<Problem>& problems);
  void use_internal_ca(const Settings& settings, std::vector<Problem>& problems);
  Result<std::shared_ptr<const tls::InternalCa>> load_ca(const std::string& storage);
  tls::CertificatePtr certificate(const CertificateFiles& files, const std::string& key,
                                  std::vector<Problem>& problems);
  tls::CertificatePtr default_certificate(const TlsSettings& settings, std::vector<Problem>& problems);

  Clock& clock_;
  Purpose purpose_;
  std::shared_ptr<tls::TicketKeys> ticket_keys_;
  std::map<std::string, Termination> terminations_;  // by the options' names
  std::optional<Transport> transport_;
  std::string ca_storage_;
  std::shared_ptr<const tls::InternalCa> internal_ca_;
  std::map<std::string, tls::CertificatePtr> certificates_;  // by the names of their files: the last good ones
  tls::CertificatePtr self_signed_;
};

// The entry point as the data path sees it, still without routes and TLS context. `all`: to find where a redirection
// leads.
EntryPoint make_entry_point(const EntryPointSettings& settings, const Settings& all);

}  // namespace gatehouse
