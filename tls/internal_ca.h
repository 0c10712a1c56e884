// The built-in certificate authority, for hosts no public one can reach: a root made once and kept in a directory,
// and short-lived leaves made in memory on demand.
#pragma once

#include "tls/certificate.h"

#include <filesystem>

namespace gatehouse::tls {

class InternalCa {
 public:
  static constexpr std::chrono::hours root_lifetime{24 * 3650};
  static constexpr std::chrono::hours leaf_lifetime{24 * 7};
  static constexpr std::chrono::hours clock_skew{1};  // notBefore lies this far back
  static constexpr std::string_view file_name = "root.pem";

  // Reads DIRECTORY/root.pem (key and certificate, mode 0600), or makes it (and the directory, mode 0700) when it is
  // not there. When several processes make it at once, all end with the same root. A file that is there and cannot
  // be used (damaged, not a CA, expired) is a bad_configuration naming it and is never touched.
  static Result<std::shared_ptr<const InternalCa>> load_or_create(const std::filesystem::path& directory, WallTime now);

  // What clients have to trust.
  const std::string& root_pem() const { return root_pem_; }
  const Certificate& root() const { return *root_; }

  // A new P-256 key and a server certificate for `host` (may be a wildcard), valid from an hour before `now` for
  // seven days or to the root's end. Well under a millisecond. The root is not part of the chain.
  Result<CertificatePtr> issue(const HostName& host, WallTime now) const;

  explicit InternalCa(CertificatePtr root);

 private:
  CertificatePtr root_;
  std::string root_pem_;
};

// What is shown to clients that ask for a name nobody configured: subject "gatehouse default certificate", a year.
Result<CertificatePtr> make_self_signed(const std::vector<HostName>& names, WallTime now);

}  // namespace gatehouse::tls
