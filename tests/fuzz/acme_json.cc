// Traefik's acme.json: what is taken from it can be kept and read again.
#include "acme/acme_json.h"

#include "acme/held_certificate.h"
#include "acme/record_coding.h"
#include "tests/fuzz/promise.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  using namespace gatehouse::acme;
  const auto file = parse_acme_json(as_text(data, size), WallTime(std::chrono::seconds(1767225600)));
  if (!file) return 0;
  for (ImportedAccount imported : file->accounts) {
    imported.account.ca = "https://ca.test/directory";
    const auto again = account(to_record(imported.account, imported.resolver));
    promise(again && *again == imported.account, "an account can be kept");
  }
  for (const auto& certificate : file->certificates) {
    promise(static_cast<bool>(held(certificate)), "a certificate can be shown");
    const auto again = stored_certificate(to_record(certificate));
    promise(again && *again == certificate, "a certificate can be kept");
  }
  promise(file->problems.size() <= 1000, "problems are bounded");
  for (const auto& problem : file->problems)
    promise(std::all_of(problem.begin(), problem.end(), [](char c) { return c >= ' ' && c < 0x7f; }),
            "a problem is printable");
  return 0;
}
