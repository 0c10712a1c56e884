// A certificate authority of a cluster: signs the API server's certificate and its clients'.
#pragma once

#include "tls/openssl.h"

#include <string>

namespace gatehouse::kubernetes::fake {

struct PemPair {
  std::string certificate, key;
};

class Authority {
 public:
  Authority();

  const std::string& pem() const { return pem_; }
  // `alternative_names` as openssl.cnf writes them: "DNS:localhost,IP:127.0.0.1"; empty: a client's certificate.
  PemPair sign(const std::string& common_name, const std::string& alternative_names) const;

 private:
  tls::KeyHandle key_;
  tls::X509Handle certificate_;
  std::string pem_;
};

}  // namespace gatehouse::kubernetes::fake
