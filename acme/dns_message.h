// DNS messages as values: the questions and updates that DNS-01 needs, and answers read strictly, since anybody may
// have sent them (RFC 1035, RFC 2136). No EDNS: what does not fit into 512 bytes comes by TCP.
#pragma once

#include "acme/dns_wire.h"
#include "base/names.h"
#include "base/result.h"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

enum class DnsType : std::uint16_t { a = 1, ns = 2, cname = 5, soa = 6, txt = 16, aaaa = 28, tsig = 250 };

// The server's verdict (RFC 1035 §4.1.1, RFC 2136 §2.2); others occur too.
enum class DnsCode : std::uint16_t {
  no_error,
  format_error,
  server_failure,
  no_such_name,
  not_implemented,
  refused,
  not_authorized = 9,
  not_in_zone = 10,
};
// "it refuses (REFUSED)"
std::string words_of(DnsCode code);
std::string_view words_of(DnsType type);

struct DnsQuestion {
  HostName name;
  DnsType type;
};

// One TXT value to add or to take away; others at the same name stay (RFC 2136 §2.5.1, §2.5.4).
struct TxtChange {
  enum class Action : std::uint8_t { add, remove };
  Action action{};
  HostName name;
  std::string value;
  std::chrono::seconds ttl{};  // of an added one
};

// A question, or with `change` an update.
struct DnsRequest {
  DnsQuestion question;  // of an update: its zone and SOA (RFC 2136 §2.3)
  std::optional<TxtChange> change = {};
};

std::string encode(const DnsRequest& request, std::uint16_t id);

// A record of class IN and of a type above; others are left out.
struct DnsRecord {
  std::string name;  // as WireReader::name() tells it
  DnsType type{};
  std::string text;            // NS, CNAME: the name; SOA: the primary's name; TXT: its strings joined
  asio::ip::address address;  // A, AAAA
};

struct DnsMessage {
  static constexpr std::size_t max_records = 512;

  DnsCode code{};
  bool truncated = false;  // then there are no records: ask again by TCP
  std::vector<DnsRecord> answers, authority, additional;
  std::optional<std::size_t> signature_at = {};  // where the TSIG record begins (acme/dns_signature.h)

  // The first answer of that name and type; null when there is none.
  const DnsRecord* find(const HostName& name, DnsType type) const;
};

// Whether the bytes answer this very request: an answer to something else is none at all, however it came here. The
// question may be missing where the server did not understand it.
bool is_reply_to(const DnsRequest& request, std::uint16_t id, std::string_view message);

// challenge_failed: malformed.
Result<DnsMessage> decode(std::string_view message);

}  // namespace gatehouse::acme
