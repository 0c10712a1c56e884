// The small plain functions that the settings are read with.
#include "config/listen_address.h"
#include "config/nearest.h"
#include "config/problem.h"
#include "config/quantities.h"
#include "config/variables.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

TEST(Duration, AsPeopleWriteIt) {
  const std::vector<std::pair<std::string_view, std::optional<Duration>>> table = {
      {"10s", 10s},
      {"1m30s", 90s},
      {"1h", 1h},
      {"500ms", 500ms},
      {"1.5h", 90min},
      {"0", 0s},
      {"45", 45s},
      {"0s", 0s},
      {"1s1s", 2s},
      {"3us", 3us},
      {"", {}},
      {"s", {}},
      {"10", 10s},
      {"10 s", {}},
      {"-1s", {}},
      {"+1s", {}},
      {"1d", {}},
      {"1.s", 1s},
      {"1..5s", {}},
      {"1e3s", {}},
      {"nan", {}},
      {"inf", {}},
      {"0x10s", {}},
      {"10S", {}},
      {"99999999999h", {}},
      {"99999999999999999999", {}},
      {"876000h", std::chrono::hours(876000)},
      {"5m ", {}},
      {"1h1", {}},
  };
  for (const auto& [text, value] : table) EXPECT_EQ(parse_duration(text), value) << text;
}

TEST(Duration, IsWrittenAsItIsRead) {
  for (const Duration value :
       {Duration(0s), Duration(1ns), Duration(1500ms), Duration(90s), Duration(24h), Duration(25h + 1ms)})
    EXPECT_EQ(parse_duration(duration_text(value)), value) << duration_text(value);
  EXPECT_EQ(duration_text(90min), "1h30m");
}

TEST(Size, AsPeopleWriteIt) {
  const std::vector<std::pair<std::string_view, std::optional<std::uint64_t>>> table = {
      {"0", 0},          {"4096", 4096},       {"64KiB", 65536},       {"1MB", 1000000},
      {"1MiB", 1048576}, {"2GiB", 2ULL << 30}, {"512B", 512},          {"", {}},
      {"KiB", {}},       {"1.5MiB", {}},       {"64 KiB", {}},         {"64kib", {}},
      {"-1", {}},        {"1TB", {}},          {"99999999999GiB", {}}, {"18446744073709551616", {}},
  };
  for (const auto& [text, value] : table) EXPECT_EQ(parse_size(text), value) << text;
  EXPECT_EQ(size_text(65536), "64KiB");
  EXPECT_EQ(size_text(1000), "1000");
  EXPECT_EQ(size_text(0), "0");
}

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("adress", "address"), 1U);
  EXPECT_EQ(edit_distance("idelTimeout", "idleTimeout"), 1U);
  EXPECT_EQ(edit_distance("ADDRESS", "address"), 0U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, FindsOnlyWhatIsNear) {
  const std::vector<std::string> words = {"address", "asDefault", "http", "limits"};
  EXPECT_EQ(nearest("adress", words), "address");
  EXPECT_EQ(nearest("limit", words), "limits");
  EXPECT_EQ(nearest("colour", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), words), "");
}

TEST(ListenAddress, HasBothFamiliesOnlyWithoutHost) {
  EXPECT_TRUE(parse_listen_address(":80")->both_families);
  EXPECT_EQ(parse_listen_address(":80")->endpoint.text(), "[::]:80");
  EXPECT_FALSE(parse_listen_address("[::]:80")->both_families);
  EXPECT_EQ(parse_listen_address("0.0.0.0:80/tcp")->endpoint.text(), "0.0.0.0:80");
  EXPECT_EQ(parse_listen_address("[fe80::1]:0")->endpoint.text(), "[fe80::1]:0");
  for (const char* bad :
       {"", ":", "80", "a:80", "1.2.3.4", "::1:80", "[::1]", "[]:80", "[1.2.3.4]:80", ":-1", ":65536", ":80/udp"})
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
}

TEST(Variables, AreReplaced) {
  std::vector<std::string> complaints;
  const auto text = [&](std::string_view t) { return with_variables(t, {{"A", "1"}, {"E", ""}}, 1000, complaints); };
  EXPECT_EQ(text("x${A}y${A}"), "x1y1");
  EXPECT_EQ(text("${B:-2}${E:-3}${E}${A:-4}"), "231");
  EXPECT_EQ(text("$A $ ${B:-} $${A} $$"), "$A $  ${A} $$");
  EXPECT_TRUE(complaints.empty());
  EXPECT_EQ(text("a${B}b"), "ab");
  EXPECT_EQ(text("a${"), "a");
  EXPECT_EQ(text("a${}b"), "ab");
  EXPECT_EQ(complaints.size(), 3U);
}

TEST(Problem, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ((Problem{"f", 3, 4, Severity::error, "Ingress a/b", "bad"}).text(), "f:3:4: error: Ingress a/b: bad");
  EXPECT_EQ((Problem{"f", 0, 0, Severity::warning, "", "odd"}).text(), "f: warning: odd");
  EXPECT_EQ((Problem{"", 0, 0, Severity::error, "", "bad"}).text(), "error: bad");
}

TEST(Quoted, IsShortAndPrintable) {
  EXPECT_EQ(quoted("a\nb\x7f"), "'a?b?'");
  EXPECT_EQ(quoted(std::string(80, 'a')), "'" + std::string(80, 'a') + "'");
  EXPECT_EQ(quoted(std::string(81, 'a')), "'" + std::string(80, 'a') + "…'");
  EXPECT_EQ(quoted(std::string(79, 'a') + "µ" + "b"), "'" + std::string(79, 'a') + "…'");  // no half character
}

}  // namespace
}  // namespace gatehouse
