// What a scanner sees of the program with default settings. docs/security_checks.md has the longer scans.
#include "tests/doubles/missing.h"
#include "tests/end_to_end/cluster_bench.h"

#include <filesystem>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

class Scanned : public ClusterBench {};

TEST_F(Scanned, by_sslscan_it_shows_no_weakness) {
  if (!std::filesystem::exists("/usr/bin/sslscan")) GTEST_SKIP() << missing("sslscan");
  const auto running = ready_gatehouse();
  const Outcome scan =
      run_program({"sslscan", "--no-colour", "--sni-name=a.test", running->websecure().text()}, root_.path());
  for (const char* words :
       {"SSLv2     disabled", "SSLv3     disabled", "TLSv1.0   disabled", "TLSv1.1   disabled", "TLSv1.2   enabled",
        "TLSv1.3   enabled", "Server supports TLS Fallback SCSV", "Session renegotiation not supported",
        "TLSv1.3 not vulnerable to heartbleed", "TLSv1.2 not vulnerable to heartbleed"})
    EXPECT_NE(scan.text.find(words), std::string::npos) << words << "\n" << scan.text;
  std::istringstream lines(scan.text);
  int ciphers = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("Accepted") && !line.starts_with("Preferred")) continue;
    ++ciphers;
    const auto has = [&](const char* words) { return line.find(words) != line.npos; };
    EXPECT_TRUE((has("TLSv1.3") || has(" ECDHE-")) && (has("GCM") || has("POLY1305"))) << line;
  }
  EXPECT_GE(ciphers, 5);
}

}  // namespace
}  // namespace gatehouse::end_to_end
