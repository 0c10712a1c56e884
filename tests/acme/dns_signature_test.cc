#include "acme/dns_signature.h"

#include "base/base64.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;

const WallTime now{std::chrono::seconds(1'767'225'600)};

DnsKey key(std::string_view name = "acme-key", std::string_view algorithm = "hmac-sha256",
           std::string_view secret = "c2VjcmV0") {
  return *parse_dns_key(name, algorithm, secret);
}

const DnsRequest request{{*HostName::parse("a.test"), DnsType::soa}, {}};

// A server's answer without records, signed as RFC 8945 §5.3 wants it: sign() of a message that the request's
// signature precedes would be the same but for that prefix, so the bytes are put together here by hand.
std::string signed_reply(const DnsKey& with, std::string_view request_mac, WallTime when, std::uint16_t error = 0,
                         const std::string& other = {}, bool unsigned_error = false) {
  const std::string message = "\0\7\x84\0\0\0\0\0\0\0\0\0"s;
  const auto seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch()).count());
  const HostName algorithm = *HostName::parse(with.algorithm == tls::Hash::sha512 ? "hmac-sha512" : "hmac-sha256");
  std::string covered;
  put_u16(covered, static_cast<std::uint16_t>(request_mac.size()));
  covered.append(request_mac).append(message);
  put_name(covered, with.name);
  put_u16(covered, 255);
  put_u32(covered, 0);
  put_name(covered, algorithm);
  put_u48(covered, seconds);
  put_u16(covered, 300);
  put_u16(covered, error);
  put_u16(covered, static_cast<std::uint16_t>(other.size()));
  covered += other;
  const std::string mac = unsigned_error ? "" : tls::hmac(with.algorithm, with.secret, covered);
  std::string data;
  put_name(data, algorithm);
  put_u48(data, seconds);
  put_u16(data, 300);
  put_u16(data, static_cast<std::uint16_t>(mac.size()));
  data += mac;
  put_u16(data, 7);
  put_u16(data, error);
  put_u16(data, static_cast<std::uint16_t>(other.size()));
  data += other;
  std::string whole = message;
  set_u16(whole, 10, 1);
  put_name(whole, with.name);
  put_u16(whole, 250);
  put_u16(whole, 255);
  put_u32(whole, 0);
  put_u16(whole, static_cast<std::uint16_t>(data.size()));
  return whole + data;
}

// What is wrong with it; empty: nothing.
std::string trouble(const std::string& reply, const DnsKey& with, std::string_view mac, WallTime when = now) {
  const auto decoded = decode(reply);
  if (!decoded) return decoded.error().detail;
  const auto checked = check_signature(reply, *decoded, with, mac, when);
  return checked ? "" : checked.error().detail;
}

TEST(DnsSignature, a_key_is_read_as_bind_writes_it) {
  EXPECT_EQ(key("Acme-Key.", "HMAC-SHA512.", "c2VjcmV0").name.text(), "acme-key");
  EXPECT_EQ(key("k", "HMAC-SHA512.", "c2VjcmV0").algorithm, tls::Hash::sha512);
  EXPECT_EQ(key("k", "", "c2VjcmV0").algorithm, tls::Hash::sha256);
  EXPECT_EQ(key().secret, "secret");
}

TEST(DnsSignature, a_bad_key_is_refused_without_telling_the_secret) {
  const auto refusal = [](std::string_view name, std::string_view algorithm, std::string_view secret) {
    const auto parsed = parse_dns_key(name, algorithm, secret);
    return parsed ? std::string() : parsed.error().detail;
  };
  EXPECT_EQ(refusal("k", "hmac-md5", "c2VjcmV0"),
            "TSIG algorithm \"hmac-md5\": use hmac-sha256, hmac-sha384, hmac-sha512 or hmac-sha1");
  EXPECT_EQ(refusal("k", "", "not base64"), "the TSIG secret is not base64");
  EXPECT_EQ(refusal("k", "", ""), "the TSIG secret is empty or too long");
  EXPECT_EQ(refusal("", "", "c2VjcmV0"), "the TSIG key's name is not a DNS name");
}

TEST(DnsSignature, a_signed_request_carries_its_signature_last) {
  const std::string plain = encode(request, 7);
  const SignedRequest sent = sign(plain, key(), now);
  EXPECT_EQ(sent.mac.size(), 32u);
  std::string counted = plain;
  set_u16(counted, 10, 1);
  EXPECT_TRUE(sent.message.starts_with(counted));
  const auto decoded = decode(sent.message);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->signature_at, plain.size());
}

TEST(DnsSignature, an_answer_signed_for_this_request_passes) {
  const SignedRequest sent = sign(encode(request, 7), key(), now);
  EXPECT_EQ(trouble(signed_reply(key(), sent.mac, now), key(), sent.mac), "");
  EXPECT_EQ(trouble(signed_reply(key(), sent.mac, now + 300s), key(), sent.mac), "");
  const DnsKey strong = key("k", "hmac-sha512");
  EXPECT_EQ(trouble(signed_reply(strong, "mac", now), strong, "mac"), "");
}

TEST(DnsSignature, an_answer_that_is_not_signed_so_is_refused) {
  EXPECT_EQ(trouble(signed_reply(key(), "another request's", now), key(), "mac"), "the answer's signature is wrong");
  EXPECT_EQ(trouble(signed_reply(key("acme-key", "", "b3RoZXI="), "mac", now), key(), "mac"),
            "the answer's signature is wrong");
  EXPECT_EQ(trouble(signed_reply(key("other"), "mac", now), key(), "mac"),
            "the answer is signed with another key or algorithm");
  EXPECT_EQ(trouble(signed_reply(key("acme-key", "hmac-sha512"), "mac", now), key(), "mac"),
            "the answer is signed with another key or algorithm");
  EXPECT_EQ(trouble(signed_reply(key(), "mac", now - 301s), key(), "mac"), "the answer was signed 301 s from now");
  EXPECT_EQ(trouble("\0\7\x84\0\0\0\0\0\0\0\0\0"s, key(), "mac"), "the answer is not signed");
  EXPECT_EQ(trouble("\0\7\x84\5\0\0\0\0\0\0\0\0"s, key(), "mac"), "the answer is not signed: it refuses (REFUSED)");
}

TEST(DnsSignature, no_changed_bit_passes) {
  const std::string good = signed_reply(key(), "mac", now);
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string changed = good;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    if (bit / 8 < 2) continue;  // the id: the signature covers the original one, is_reply_to() this one
    // A name's case means nothing.
    if (decode(changed) && decode(changed)->signature_at == decode(good)->signature_at &&
        (changed[bit / 8] | 0x20) == (good[bit / 8] | 0x20) && std::isalpha(good[bit / 8]) != 0)
      continue;
    EXPECT_NE(trouble(changed, key(), "mac"), "") << "bit " << bit;
  }
}

TEST(DnsSignature, no_part_of_an_answer_passes) {
  const std::string good = signed_reply(key(), "mac", now);
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_NE(trouble(good.substr(0, size), key(), "mac"), "");
}

TEST(DnsSignature, the_servers_complaints_become_words) {
  const auto complaint = [](std::uint16_t error, const std::string& other, bool unsigned_error) {
    return trouble(signed_reply(key(), "mac", now, error, other, unsigned_error), key(), "mac");
  };
  EXPECT_EQ(complaint(17, "", true),
            "the server does not know key acme-key (hmac-sha256): is its name or algorithm wrong? (BADKEY)");
  EXPECT_EQ(complaint(16, "", true), "the server has another secret for key acme-key (hmac-sha256) (BADSIG)");
  std::string server_time;
  put_u48(server_time, 1'767'225'600 + 86'400);
  EXPECT_EQ(complaint(18, server_time, false), "our clock is 86400 s behind the server's (BADTIME)");
  EXPECT_EQ(complaint(18, "", false), "the server finds that our clock is wrong (BADTIME)");
  EXPECT_EQ(complaint(22, "", false), "the server wants a longer signature (BADTRUNC)");
}

}  // namespace
}  // namespace gatehouse::acme
