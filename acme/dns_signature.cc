#include "acme/dns_signature.h"

#include "base/base64.h"

#include <array>
#include <cstdlib>

namespace gatehouse::acme {
namespace {

constexpr std::uint16_t class_any = 255;
constexpr std::uint16_t fudge_seconds = 300;  // RFC 8945 §10
constexpr std::uint16_t bad_signature = 16, bad_key = 17, bad_time = 18, bad_truncation = 22;
constexpr std::size_t id_at = 0, additional_count_at = 10, longest_secret = 1024;

struct Algorithm {
  tls::Hash hash;
  std::string_view name;
};
constexpr std::array algorithms{Algorithm{tls::Hash::sha256, "hmac-sha256"},
                                Algorithm{tls::Hash::sha384, "hmac-sha384"},
                                Algorithm{tls::Hash::sha512, "hmac-sha512"}, Algorithm{tls::Hash::sha1, "hmac-sha1"}};

std::string_view name_of(tls::Hash hash) {
  for (const auto& algorithm : algorithms)
    if (algorithm.hash == hash) return algorithm.name;
  return {};
}

void put_algorithm(std::string& out, tls::Hash hash) { put_name(out, *HostName::parse(name_of(hash))); }

std::uint64_t seconds_of(WallTime time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

// The fields of a TSIG record (§4.2).
struct Signature {
  std::string key;        // as WireReader::name() tells it
  std::string algorithm;
  std::uint64_t time = 0;
  std::uint16_t fudge = fudge_seconds;
  std::string mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  std::string other;  // with bad_time: the server's time
};

// §4.3.3
std::string variables(const DnsKey& key, const Signature& signature) {
  std::string bytes;
  put_name(bytes, key.name);
  put_u16(bytes, class_any);
  put_u32(bytes, 0);
  put_algorithm(bytes, key.algorithm);
  put_u48(bytes, signature.time);
  put_u16(bytes, signature.fudge);
  put_u16(bytes, signature.error);
  put_u16(bytes, static_cast<std::uint16_t>(signature.other.size()));
  return bytes + signature.other;
}

void put_record(std::string& out, const DnsKey& key, const Signature& signature) {
  put_name(out, key.name);
  put_u16(out, static_cast<std::uint16_t>(DnsType::tsig));
  put_u16(out, class_any);
  put_u32(out, 0);
  const std::size_t length_at = out.size();
  put_u16(out, 0);
  put_algorithm(out, key.algorithm);
  put_u48(out, signature.time);
  put_u16(out, signature.fudge);
  put_u16(out, static_cast<std::uint16_t>(signature.mac.size()));
  out += signature.mac;
  put_u16(out, signature.original_id);
  put_u16(out, signature.error);
  put_u16(out, 0);
  set_u16(out, length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

Failure refused(std::string words) { return Failure(FailureKind::challenge_failed, std::move(words)); }

Result<Signature> read_signature(std::string_view message, std::size_t at) {
  WireReader reader(message, at);
  Signature signature;
  signature.key = reader.name();
  reader.u16();  // the type: it is why we are here
  const std::uint16_t record_class = reader.u16();
  const std::uint32_t ttl = reader.u32();
  reader.u16();
  signature.algorithm = reader.name();
  signature.time = reader.u48();
  signature.fudge = reader.u16();
  signature.mac = reader.bytes(reader.u16());
  signature.original_id = reader.u16();
  signature.error = reader.u16();
  signature.other = reader.bytes(reader.u16());
  if (reader.failed() || !reader.at_end() || record_class != class_any || ttl != 0)
    return refused("its signature is malformed");
  return signature;
}

// The message as it was signed: without the TSIG record (§4.3.2).
std::string signed_part(std::string_view message, std::size_t signature_at, std::uint16_t original_id) {
  std::string part(message.substr(0, signature_at));
  WireReader counts(message, additional_count_at);
  set_u16(part, additional_count_at, static_cast<std::uint16_t>(counts.u16() - 1));
  set_u16(part, id_at, original_id);
  return part;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::string server_time_words(const Signature& signature, std::uint64_t now) {
  WireReader other(signature.other);
  const std::uint64_t theirs = other.u48();
  if (other.failed()) return "the server finds that our clock is wrong (BADTIME)";
  const bool behind = theirs > now;
  return "our clock is " + std::to_string(behind ? theirs - now : now - theirs) + " s " +
         (behind ? "behind" : "ahead of") + " the server's (BADTIME)";
}

// What the server says against our signature; it cannot sign the first two itself.
std::string complaint(const Signature& signature, const DnsKey& key, std::uint64_t now) {
  const std::string named = "key " + key.name.text() + " (" + std::string(name_of(key.algorithm)) + ")";
  switch (signature.error) {
    case bad_key: return "the server does not know " + named + ": is its name or algorithm wrong? (BADKEY)";
    case bad_signature: return "the server has another secret for " + named + " (BADSIG)";
    case bad_time: return server_time_words(signature, now);
    case bad_truncation: return "the server wants a longer signature (BADTRUNC)";
    default: return "the server refuses the signature with code " + std::to_string(signature.error);
  }
}

}  // namespace

Result<DnsKey> parse_dns_key(std::string_view name, std::string_view algorithm, std::string_view secret) {
  const auto bad = [&](std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); };
  auto key_name = HostName::parse(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
  if (!key_name) return bad("the TSIG key's name is not a DNS name");
  std::string wanted(algorithm.ends_with('.') ? algorithm.substr(0, algorithm.size() - 1) : algorithm);
  for (char& c : wanted)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto found = std::find_if(algorithms.begin(), algorithms.end(), [&](const Algorithm& known) {
    return known.name == (wanted.empty() ? "hmac-sha256" : wanted);
  });
  if (found == algorithms.end())
    return bad("TSIG algorithm \"" + wanted + "\": use hmac-sha256, hmac-sha384, hmac-sha512 or hmac-sha1");
  auto bytes = from_base64(secret);
  if (!bytes) return bad("the TSIG secret is not base64");
  if (bytes->empty() || bytes->size() > longest_secret) return bad("the TSIG secret is empty or too long");
  return DnsKey{*std::move(key_name), found->hash, *std::move(bytes)};
}

SignedRequest sign(std::string message, const DnsKey& key, WallTime now) {
  Signature signature;
  signature.time = seconds_of(now);
  WireReader head(message);
  signature.original_id = head.u16();
  signature.mac = tls::hmac(key.algorithm, key.secret, message + variables(key, signature));
  put_record(message, key, signature);
  WireReader counts(message, additional_count_at);
  set_u16(message, additional_count_at, static_cast<std::uint16_t>(counts.u16() + 1));
  return {std::move(message), std::move(signature.mac)};
}

Result<void> check_signature(std::string_view message, const DnsMessage& reply, const DnsKey& key,
                             std::string_view request_mac, WallTime now) {
  if (!reply.signature_at) {
    const bool well = reply.code == DnsCode::no_error;
    return refused("the answer is not signed" + (well ? std::string() : ": " + words_of(reply.code)));
  }
  const auto signature = read_signature(message, *reply.signature_at);
  if (!signature) return signature.error();
  if (signature->error == bad_key || signature->error == bad_signature)
    return refused(complaint(*signature, key, seconds_of(now)));
  if (signature->key != key.name.text() || signature->algorithm != name_of(key.algorithm))
    return refused("the answer is signed with another key or algorithm");
  std::string covered;
  put_u16(covered, static_cast<std::uint16_t>(request_mac.size()));
  covered += request_mac;
  covered += signed_part(message, *reply.signature_at, signature->original_id);
  covered += variables(key, *signature);
  if (!equal_in_constant_time(signature->mac, tls::hmac(key.algorithm, key.secret, covered)))
    return refused("the answer's signature is wrong");
  const std::uint64_t ours = seconds_of(now);
  if (signature->error != 0) return refused(complaint(*signature, key, ours));
  const std::uint64_t apart = signature->time > ours ? signature->time - ours : ours - signature->time;
  if (apart > fudge_seconds) return refused("the answer was signed " + std::to_string(apart) + " s from now");
  return {};
}

}  // namespace gatehouse::acme
