// DNS-01 by a program of the operator's, called as lego's `exec` provider calls it, so its programs work unchanged:
//
//   PROGRAM present _acme-challenge.www.example.com. VALUE
//   PROGRAM cleanup _acme-challenge.www.example.com. VALUE
//
// The same is in its environment: GATEHOUSE_ACME_ACTION, GATEHOUSE_ACME_FQDN, GATEHOUSE_ACME_VALUE, and as
// GATEHOUSE_ACME_HOST the host to be certified. It has to leave other values of the name alone, and exit with 0.
#pragma once

#include "acme/dns_solver.h"

namespace gatehouse::acme {

struct ProgramSettings {
  std::string program;                        // an absolute path
  Duration limit = std::chrono::minutes(1);  // then it is killed
};

class ProgramSolver final : public DnsSolver {
 public:
  ProgramSolver(Clock& clock, DnsChallengeSettings dns, ProgramSettings settings)
      : DnsSolver(clock, std::move(dns)), settings_(std::move(settings)) {}

 private:
  Awaitable<Result<void>> add(HostName host, TxtValue value) override;
  Awaitable<Result<void>> remove(HostName host, TxtValue value) override;
  Awaitable<Result<void>> run(std::string action, HostName host, TxtValue value);

  ProgramSettings settings_;
};

}  // namespace gatehouse::acme
