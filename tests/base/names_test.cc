#include "base/names.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

TEST(HostName, is_lower_case_without_a_trailing_dot) {
  EXPECT_EQ(HostName::parse("Git.Example.COM.")->text(), "git.example.com");
  EXPECT_EQ(HostName::parse("a")->text(), "a");
  EXPECT_EQ(HostName::parse("xn--bcher-kva.example")->text(), "xn--bcher-kva.example");
  EXPECT_EQ(HostName::parse("_acme-challenge.a_b.example")->text(), "_acme-challenge.a_b.example");
  EXPECT_EQ(HostName::parse(std::string(63, 'a') + ".b")->text(), std::string(63, 'a') + ".b");
}

std::string name_of(std::size_t size) {
  std::string name;
  while (name.size() + 60 < size) name += std::string(49, 'a') + ".";
  return name + std::string(size - name.size(), 'b');
}

TEST(HostName, has_limits) {
  EXPECT_TRUE(HostName::parse(name_of(253)));
  EXPECT_TRUE(HostName::parse(name_of(253) + "."));
  EXPECT_FALSE(HostName::parse(name_of(254)));
  EXPECT_FALSE(HostName::parse(std::string(64, 'a') + ".b"));
  EXPECT_FALSE(HostName::parse(std::string(64 * 1024, 'a')));
  EXPECT_FALSE(HostName::parse(name_of(253) + "." + std::string(64 * 1024, 'a')));
}

TEST(HostName, refuses_what_is_no_name) {
  for (const auto text : {""sv, "."sv, ".."sv, ".a"sv, "a..b"sv, "a.."sv, "a b"sv, "a/b"sv, "a:80"sv, "a,b"sv, "*"sv,
                          "*.a"sv, "a.*.b"sv, "a\0"sv, "\xc3\xa9"sv, "a\n"sv, "[::1]"sv, "user@a"sv})
    EXPECT_FALSE(HostName::parse(text)) << text;
}

TEST(HostName, its_failure_shows_the_beginning_only) {
  const auto failed = HostName::parse(std::string(10'000, '!'));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, FailureKind::bad_configuration);
  EXPECT_LT(failed.error().detail.size(), 200u);
}

TEST(HostName, may_be_a_wildcard_where_allowed) {
  const auto wildcard = HostName::parse_with_wildcard("*.Example.COM");
  ASSERT_TRUE(wildcard);
  EXPECT_EQ(wildcard->text(), "*.example.com");
  EXPECT_TRUE(wildcard->is_wildcard());
  EXPECT_FALSE(HostName::parse_with_wildcard("a.example")->is_wildcard());
  for (const auto text : {"*", "*.", "*.*.a", "**.a", "a*.b", "*a.b", "a.*"})
    EXPECT_FALSE(HostName::parse_with_wildcard(text)) << text;
}

TEST(HostName, a_wildcard_covers_one_label) {
  EXPECT_TRUE(wildcard_covers("*.a.b", "x.a.b"));
  EXPECT_TRUE(wildcard_covers("*.b", "a.b"));
  EXPECT_FALSE(wildcard_covers("*.a.b", "a.b"));
  EXPECT_FALSE(wildcard_covers("*.a.b", "x.y.a.b"));
  EXPECT_FALSE(wildcard_covers("*.a.b", ".a.b"));
  EXPECT_FALSE(wildcard_covers("*.a.b", "xa.b"));
  EXPECT_FALSE(wildcard_covers("*.a.b", ""));
  EXPECT_FALSE(wildcard_covers("a.b", "a.b"));
}

std::string host_of(std::string_view authority) {
  HostBuffer buffer;
  const auto host = host_of_authority(authority, buffer);
  return host ? std::string(*host) : "malformed";
}

TEST(Authority, gives_its_host) {
  EXPECT_EQ(host_of("a.example"), "a.example");
  EXPECT_EQ(host_of("A.Example.:443"), "a.example");
  EXPECT_EQ(host_of("a:0"), "a");
  EXPECT_EQ(host_of("a:65535"), "a");
  EXPECT_EQ(host_of("a:"), "a");
  EXPECT_EQ(host_of("192.0.2.1:80"), "192.0.2.1");
  EXPECT_EQ(host_of("[::1]"), "[::1]");
  EXPECT_EQ(host_of("[2001:DB8::1]:8443"), "[2001:db8::1]");
  EXPECT_EQ(host_of("[::ffff:192.0.2.1]"), "[::ffff:192.0.2.1]");
  EXPECT_EQ(host_of("a_b"), "a_b");
}

TEST(Authority, malformed_ones_give_nothing) {
  for (const auto authority : {""sv,
                               ":80"sv,
                               "."sv,
                               "a, b"sv,
                               "a,b"sv,
                               "a b"sv,
                               " a"sv,
                               "user@a"sv,
                               "a/b"sv,
                               "a\\b"sv,
                               "a?b"sv,
                               "a#b"sv,
                               "a:65536"sv,
                               "a:99999"sv,
                               "a:-1"sv,
                               "a:+1"sv,
                               "a: 80"sv,
                               "a:80 "sv,
                               "a:80:80"sv,
                               "a:http"sv,
                               "::1"sv,
                               "[::1"sv,
                               "[]"sv,
                               "[a]"sv,
                               "[::1]80"sv,
                               "[::1]:x"sv,
                               "[1.2.3.4]"sv,
                               "a\0b"sv,
                               "\xff"sv,
                               "a\r\n"sv,
                               "*.a"sv,
                               "[::1%lo]"sv,
                               "[fe80::1%25eth0]"sv,
                               "[::1%, b]"sv,
                               "[fe80::1%\r\n]"sv,
                               "[::1\0junk]"sv})
    EXPECT_EQ(host_of(authority), "malformed") << authority;
  EXPECT_EQ(host_of(std::string(300, 'a')), "malformed");
  EXPECT_EQ(host_of("[" + std::string(300, ':') + "]"), "malformed");
  EXPECT_EQ(host_of("a:" + std::string(10'000, '0') + "99999999999"), "malformed");
}

asio::ip::address address(const char* text) { return asio::ip::make_address(text); }

TEST(Endpoint, prints_and_compares) {
  EXPECT_EQ((Endpoint{address("10.0.0.1"), 80}.text()), "10.0.0.1:80");
  EXPECT_EQ((Endpoint{address("::1"), 80}.text()), "[::1]:80");
  EXPECT_LT((Endpoint{address("10.0.0.1"), 80}), (Endpoint{address("10.0.0.2"), 1}));
  EXPECT_LT((Endpoint{address("10.0.0.1"), 80}), (Endpoint{address("10.0.0.1"), 81}));
  EXPECT_NE(EndpointHash()({address("10.0.0.1"), 80}), EndpointHash()({address("10.0.0.1"), 81}));
}

TEST(AddressRanges, contain_what_they_say) {
  const AddressRanges ranges =
      AddressRanges::parse({"10.0.0.0/8", "192.0.2.1", "172.16.0.0/12", "2001:db8::/33", "::1", "198.51.100.128/25"})
          .value();
  for (const auto inside : {"10.0.0.0", "10.255.255.255", "192.0.2.1", "172.31.255.255", "2001:db8:7fff::1", "::1",
                            "198.51.100.200", "::ffff:10.1.2.3"})
    EXPECT_TRUE(ranges.contains(address(inside))) << inside;
  for (const auto outside : {"11.0.0.0", "9.255.255.255", "192.0.2.2", "172.32.0.0", "2001:db8:8000::1", "::2",
                             "198.51.100.127", "::ffff:11.1.2.3", "::10.0.0.1"})
    EXPECT_FALSE(ranges.contains(address(outside))) << outside;
}

TEST(AddressRanges, everything_of_one_family_is_nothing_of_the_other) {
  const AddressRanges v4 = AddressRanges::parse({"0.0.0.0/0"}).value(), v6 = AddressRanges::parse({"::/0"}).value();
  EXPECT_TRUE(v4.contains(address("203.0.113.9")));
  EXPECT_TRUE(v4.contains(address("::ffff:203.0.113.9")));
  EXPECT_FALSE(v4.contains(address("2001:db8::1")));
  EXPECT_TRUE(v6.contains(address("2001:db8::1")));
  EXPECT_FALSE(v6.contains(address("203.0.113.9")));
  EXPECT_FALSE(v6.contains(address("::ffff:203.0.113.9")));
}

TEST(AddressRanges, none_contain_nothing) {
  EXPECT_TRUE(AddressRanges().empty());
  EXPECT_FALSE(AddressRanges().contains(address("10.0.0.1")));
}

TEST(AddressRanges, malformed_ones_are_named) {
  for (const std::string text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/ 8",
                                 "10.0.0/8", "::/129", "a.example", "10.0.0.1:80", "[::1]", "/8"}) {
    const auto ranges = AddressRanges::parse({"10.0.0.0/8", text});
    ASSERT_FALSE(ranges) << text;
    EXPECT_NE(ranges.error().detail.find("'" + text + "'"), std::string::npos) << ranges.error().detail;
  }
}

TEST(Unmapped, turns_mapped_addresses_plain) {
  EXPECT_EQ(unmapped(address("::ffff:192.0.2.1")), address("192.0.2.1"));
  EXPECT_EQ(unmapped(address("192.0.2.1")), address("192.0.2.1"));
  EXPECT_EQ(unmapped(address("2001:db8::1")), address("2001:db8::1"));
  EXPECT_EQ(unmapped(address("::192.0.2.1")), address("::192.0.2.1"));
}

}  // namespace
}  // namespace gatehouse
