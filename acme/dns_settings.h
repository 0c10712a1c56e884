// The solver that certificatesResolvers.NAME.acme.dnsChallenge describes.
#pragma once

#include "acme/resolver.h"

namespace gatehouse::acme {

// bad_configuration says what is wrong with it; secrets are read from their files now.
Result<std::unique_ptr<Solver>> make_dns_solver(const DnsChallengeSection& settings, const ResolverPorts& ports);

}  // namespace gatehouse::acme
