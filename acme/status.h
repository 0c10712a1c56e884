// How every certificate stands, for people and machines: `gatehouse certs list`, metrics, and the lines of the log. ◦
#pragma once

#include "acme/holdings.h"
#include "acme/plan.h"
#include "base/log.h"

#include <map>
#include <string>
#include <vector>

namespace gatehouse::acme {

// One that is held or planned.
struct CertificateStatus {
  std::string record;
  std::string resolver;
  std::string ca;  // of the certificate held, else where it is ordered; empty: imported
  std::vector<HostName> names;
  PlanState state{};
  std::string words;  // of the plan
  std::optional<WallTime> expires;  // of the certificate held
  std::optional<WallTime> warn_from;
  std::optional<WallTime> renew_at;
  std::optional<WallTime> next_try;  // of one that waits
  unsigned failures = 0;  // since the last success
  std::string error;  // the last
};

struct RenewalStatus {
  std::vector<CertificateStatus> certificates = {};  // by resolver and names
  std::string storage = {};
  std::string trouble = {};  // with the storage; empty: none
  // Since the start, by resolver.
  std::map<std::string, std::uint64_t> issued = {};
  std::map<std::string, std::uint64_t> failed = {};
};

std::vector<CertificateStatus> certificate_statuses(const Plan& plan, const PlanInput& input);

std::string status_table(const std::vector<CertificateStatus>& certificates);
std::string status_json(const std::vector<CertificateStatus>& certificates);

// Says what is new since it was called last; once a day that a certificate ends soon.
class StatusLog {
 public:
  void tell(const RenewalStatus& status, WallTime now, spdlog::logger& log);

 private:
  std::map<std::string, std::string> told_;  // by record
  std::map<std::string, WallTime> warned_;  // by record
};

}  // namespace gatehouse::acme
