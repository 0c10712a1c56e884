#include "acme/program_solver.h"

#include "acme/program.h"

namespace gatehouse::acme {

Awaitable<Result<void>> ProgramSolver::add(HostName host, TxtValue value) {
  auto added = co_await run("present", std::move(host), std::move(value));
  co_return added;
}

Awaitable<Result<void>> ProgramSolver::remove(HostName host, TxtValue value) {
  auto removed = co_await run("cleanup", std::move(host), std::move(value));
  co_return removed;
}

Awaitable<Result<void>> ProgramSolver::run(std::string action, HostName host, TxtValue value) {
  const std::string fqdn = value.name.text() + ".";
  ProgramCall call;
  call.path = settings_.program;
  call.arguments = {action, fqdn, value.value};
  call.environment = {{"GATEHOUSE_ACME_ACTION", action},
                      {"GATEHOUSE_ACME_FQDN", fqdn},
                      {"GATEHOUSE_ACME_VALUE", value.value},
                      {"GATEHOUSE_ACME_HOST", host.text()}};
  call.limit = settings_.limit;
  auto output = co_await run_program(clock(), std::move(call));
  if (!output) co_return output.error();
  co_return Result<void>();
}

}  // namespace gatehouse::acme
