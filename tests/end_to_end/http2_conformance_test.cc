// h2spec's cases against the program: frames, streams, field blocks and HPACK by the letter of the RFCs. In clear text
// and by TLS, with an upstream of either version behind. docs/security_checks.md says how to run it by hand.
#include "tests/doubles/missing.h"
#include "tests/doubles/proxy/program.h"
#include "tests/end_to_end/cluster_bench.h"

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

constexpr std::string_view doubles = GATEHOUSE_SOURCE_DIR "/tests/doubles/proxy/";
constexpr int cases = 146;  // of h2spec 2.2.1 (generic, http2, hpack), strict ones included

std::string variable(const char* name) { return std::getenv(name) == nullptr ? "" : std::getenv(name); }

// Empty: in none of the folders.
std::string found_in(const std::string& folders, const std::string& name) {
  std::istringstream each(folders);
  for (std::string folder; std::getline(each, folder, ':');)
    if (const auto program = std::filesystem::path(folder) / name;
        program.is_absolute() && std::filesystem::exists(program))
      return program;
  return "";
}

// It is a Go program and of no Debian package: where `go install` puts it, or on the path.
std::string h2spec() {
  return found_in(variable("PATH") + ":" + variable("GOBIN") + ":" + variable("HOME") + "/go/bin", "h2spec");
}

struct Counts {
  int tests = -1, passed = -1, skipped = -1, failed = -1;
};

// Its last line.
Counts counts_of(const std::string& text) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex("(\\d+) tests, (\\d+) passed, (\\d+) skipped, (\\d+) failed")))
    return {};
  return {std::stoi(found[1]), std::stoi(found[2]), std::stoi(found[3]), std::stoi(found[4])};
}

class Http2Conformance : public ClusterBench {
 protected:
  void SetUp() override {
    if (!h2spec().empty()) return;
    const bool to_be_had = !found_in(variable("PATH"), "go").empty() && variable("TESTS_WITHOUT_H2SPEC").empty();
    if (!to_be_had) GTEST_SKIP() << "h2spec cannot be had here";
    GTEST_SKIP() << missing("h2spec (go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible)");
  }

  // All cases, against what answers for `localhost` there, but `failing`, in its words.
  void expect_all_pass(const Endpoint& endpoint, std::vector<std::string> more,
                       const std::vector<std::string>& failing) {
    std::vector<std::string> words{h2spec(), "--strict",  "--timeout", "20",
                                   "--host", "localhost", "--port",    std::to_string(endpoint.port)};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run_program(std::move(words), root_.path());
    const Counts counts = counts_of(outcome.text);
    const auto failed = static_cast<int>(failing.size());
    EXPECT_EQ(counts.tests, cases);
    EXPECT_EQ(counts.passed, cases - failed) << outcome.text;
    EXPECT_EQ(counts.skipped, 0);
    EXPECT_EQ(counts.failed, failed);
    for (const auto& name : failing) EXPECT_NE(outcome.text.find("× " + name), std::string::npos) << name;
  }

  Program upstream_{{"/usr/bin/python3", std::string(doubles) + "plain_server.py"}};
};

// Without TLS the port takes HTTP/1.1 too. What begins with another preface is no HTTP/2, and the GOAWAY may be left
// out (RFC 9113 §3.4): it gets a 400 of HTTP/1.1 and the end of the connection, where h2spec wants the end alone.
TEST_F(Http2Conformance, every_case_of_h2spec_in_clear_text) {
  const Endpoint page{asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(upstream_.line()))};
  api_.apply(service_text({"shop", "web"}, page) + ingress_text({"shop", "web"}, "localhost", "web"));
  const auto running = ready_gatehouse();
  ASSERT_TRUE(comes([&] { return running->get("localhost").status() == 200; }));
  expect_all_pass(running->web(), {}, {"2: Sends invalid connection preface"});
}

TEST_F(Http2Conformance, every_case_of_h2spec_by_tls) {
  const Endpoint page{asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(upstream_.line()))};
  api_.apply(tls_secret_text({"shop", "tls"}, "localhost") + service_text({"shop", "web"}, page) +
             ingress_text({"shop", "web"}, "localhost", "web", "tls"));
  const auto running = ready_gatehouse();
  ASSERT_TRUE(comes([&] { return running->get("localhost").status() == 200; }));
  expect_all_pass(running->websecure(), {"--tls", "--insecure"}, {});
}

}  // namespace
}  // namespace gatehouse::end_to_end
