#include "tls/client_hello.h"

#include "tests/doubles/tls/tls_peer.h"

#include <gtest/gtest.h>

namespace gatehouse::tls {
namespace {

using Verdict = ClientHelloReader::Verdict;

std::string number(std::size_t value, int width) {
  std::string bytes;
  while (width-- > 0) bytes += static_cast<char>(value >> (8 * width));
  return bytes;
}

std::string vector(int width, const std::string& body) { return number(body.size(), width) + body; }

std::string record(const std::string& body) { return "\x16\x03\x01" + vector(2, body); }

std::string extension(std::size_t type, const std::string& body) { return number(type, 2) + vector(2, body); }

std::string name_entry(const std::string& name) { return std::string(1, '\0') + vector(2, name); }

std::string server_name(const std::string& name) { return extension(0, vector(2, name_entry(name))); }

std::string message(const std::string& extensions) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + vector(1, "") + vector(2, "\x13\x01") +
                           vector(1, std::string(1, '\0')) + vector(2, extensions);
  return "\x01" + vector(3, body);
}

ClientWishes large_wishes() {
  ClientWishes wishes;
  wishes.server_name = "Shop.Example.";
  wishes.alpn = {"h2", "http/1.1"};
  while (wishes.alpn.size() < 60)
    wishes.alpn.push_back("protocol-with-a-long-name-" + std::to_string(wishes.alpn.size()));
  return wishes;
}

// The reader's answer to the whole at once, for what should be refused.
std::string problem_of(const std::string& bytes) {
  ClientHelloReader reader;
  EXPECT_EQ(reader.feed(bytes), Verdict::malformed);
  EXPECT_EQ(reader.feed("more"), Verdict::malformed);
  return reader.problem();
}

void expect_shop(const ClientHelloReader& reader, std::size_t protocols) {
  EXPECT_EQ(reader.hello().server_name, "shop.example");
  ASSERT_EQ(reader.hello().alpn.size(), protocols);
  EXPECT_EQ(reader.hello().alpn[0], "h2");
}

TEST(ClientHello, ReadsOpenSslsOwn) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientWishes wishes = large_wishes();
    wishes.max_version = version;
    ClientHelloReader reader;
    ASSERT_EQ(reader.feed(client_hello_bytes(wishes)), Verdict::complete) << reader.problem();
    expect_shop(reader, 60);
    EXPECT_EQ(reader.feed("what follows is not looked at"), Verdict::complete);
  }
}

TEST(ClientHello, ReadsEverySplitIntoTwoSegments) {
  const std::string bytes = client_hello_bytes(large_wishes());
  ASSERT_GT(bytes.size(), 1800u);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    ClientHelloReader reader;
    ASSERT_EQ(reader.feed(bytes.substr(0, cut)), Verdict::need_more) << cut;
    ASSERT_EQ(reader.feed(bytes.substr(cut)), Verdict::complete) << cut;
    expect_shop(reader, 60);
  }
}

TEST(ClientHello, ReadsEverySplitIntoTwoRecords) {
  const std::string body = client_hello_bytes(large_wishes()).substr(5);
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    ClientHelloReader reader;
    ASSERT_EQ(reader.feed(record(body.substr(0, cut)) + record(body.substr(cut))), Verdict::complete) << cut;
    expect_shop(reader, 60);
  }
}

TEST(ClientHello, ReadsOneByteSegmentsAndOneByteRecords) {
  const std::string bytes = client_hello_bytes(large_wishes());
  ClientHelloReader by_segment, by_record;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) ASSERT_EQ(by_segment.feed(bytes.substr(i, 1)), Verdict::need_more);
  EXPECT_EQ(by_segment.feed(bytes.substr(bytes.size() - 1)), Verdict::complete);
  expect_shop(by_segment, 60);
  std::string records;
  for (const char c : bytes.substr(5)) records += record(std::string(1, c));
  EXPECT_EQ(by_record.feed(records), Verdict::complete);
  expect_shop(by_record, 60);
}

TEST(ClientHello, HasNoNameWhenNoneOrAnAddressWasSent) {
  for (const std::string& extensions :
       {std::string(), server_name(""), server_name("10.0.0.1"), server_name("2001:db8::1")}) {
    ClientHelloReader reader;
    ASSERT_EQ(reader.feed(record(message(extensions))), Verdict::complete) << reader.problem();
    EXPECT_EQ(reader.hello().server_name, "");
    EXPECT_TRUE(reader.hello().alpn.empty());
  }
}

TEST(ClientHello, IsNotTls) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n"), std::string("SSH-2.0-x"),
                                   std::string("\x80\x2e\x01"), std::string("\x16\x02"), std::string("\0", 1)}) {
    ClientHelloReader reader;
    EXPECT_EQ(reader.feed(bytes), Verdict::not_tls);
  }
}

TEST(ClientHello, RefusesRecordsByTheirHeader) {
  EXPECT_EQ(problem_of(std::string("\x16\x03\x01\xff\xff", 5)), "a record longer than 2^14 bytes");
  EXPECT_EQ(problem_of(std::string("\x16\x03\x01\x40\x01", 5)), "a record longer than 2^14 bytes");
  EXPECT_EQ(problem_of(std::string("\x16\x03\x01\x00\x00", 5)), "an empty record");
  EXPECT_EQ(problem_of(record("\x01") + "\x17"), "another record inside the ClientHello");
  EXPECT_EQ(problem_of(record("\x02")), "not a ClientHello");
}

TEST(ClientHello, RefusesMoreThanItsCap) {
  const std::string header_of_1_mib = std::string("\x01\x10\x00\x00", 4);
  EXPECT_EQ(problem_of(record(header_of_1_mib)), "a ClientHello larger than 64 KiB");
  // Within the cap by its own account, but wrapped in so many records that the wire carries more.
  std::string flood = record(std::string("\x01\x00\xff\x00", 4));
  while (flood.size() <= ClientHelloReader::max_bytes) flood += record("x");
  EXPECT_EQ(problem_of(flood), "a ClientHello larger than 64 KiB");
}

TEST(ClientHello, RefusesMalformedNames) {
  const std::string two = extension(0, vector(2, name_entry("a.example") + name_entry("b.example")));
  EXPECT_EQ(problem_of(record(message(two))), "two server names");
  EXPECT_EQ(problem_of(record(message(server_name("a.example") + server_name("a.example")))),
            "two server_name extensions");
  EXPECT_EQ(problem_of(record(message(server_name(std::string("a\0.example", 10))))),
            "a server name that is not a DNS name");
  EXPECT_EQ(problem_of(record(message(server_name("*.example")))), "a server name that is not a DNS name");
  EXPECT_EQ(problem_of(record(message(server_name(std::string(300, 'a'))))), "a server name that is not a DNS name");
  EXPECT_EQ(problem_of(record(message(extension(0, "")))), "a malformed server_name");
  EXPECT_EQ(problem_of(record(message(extension(0, vector(2, ""))))), "a malformed server_name");
  EXPECT_EQ(problem_of(record(message(extension(0, vector(2, "\x01" + vector(2, "a")))))), "a malformed server_name");
}

TEST(ClientHello, RefusesWrongLengthsEverywhere) {
  const std::string good = message(server_name("a.example") + extension(16, vector(2, vector(1, "h2"))));
  ClientHelloReader reader;
  ASSERT_EQ(reader.feed(record(good)), Verdict::complete);
  EXPECT_EQ(reader.hello().alpn, std::vector<std::string>{"h2"});
  // Any single byte changed: whatever the answer, it is an answer (sanitizers watch), and never a name of another
  // length than the list says.
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const char value : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string changed = good;
      changed[at] = value;
      ClientHelloReader other;
      other.feed(record(changed));
      EXPECT_LE(other.hello().server_name.size(), 9u);
    }
  EXPECT_EQ(problem_of(record(message(extension(16, vector(2, ""))))), "a malformed ALPN list");
  EXPECT_EQ(problem_of(record(message(extension(16, vector(2, vector(1, "")))))), "an empty ALPN protocol");
  EXPECT_EQ(problem_of(record(message("x"))), "a malformed extension");
}

}  // namespace
}  // namespace gatehouse::tls
