// A DNS message from anybody: reading it ends, its names are printable and short, what was read lies within it, and no
// signature is taken for ours.
#include "acme/dns_message.h"

#include "acme/dns_signature.h"
#include "tests/fuzz/promise.h"

namespace {

using namespace gatehouse;
using namespace gatehouse::acme;

void check_name(const std::string& name) {
  promise(!name.empty() && name.size() <= 4 * 255, "a name has a length");
  for (const char c : name) promise(c > 0x20 && c < 0x7f && !(c >= 'A' && c <= 'Z'), "a name is printable");
}

void check_records(const std::vector<DnsRecord>& records, std::size_t size) {
  for (const auto& record : records) {
    check_name(record.name);
    const bool names = record.type == DnsType::ns || record.type == DnsType::cname || record.type == DnsType::soa;
    if (names) check_name(record.text);
    promise(record.type != DnsType::txt || record.text.size() < size, "a text comes out of the message");
    const bool address = record.type == DnsType::a || record.type == DnsType::aaaa;
    promise(!address || record.address.is_v4() == (record.type == DnsType::a), "an address is of its family");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const DnsKey key = *parse_dns_key("acme-key", "", "c2VjcmV0");
  static const DnsRequest request{{*HostName::parse("a.test"), DnsType::txt}, {}};
  const std::string_view bytes = as_text(data, size);
  is_reply_to(request, 7, bytes);
  const auto message = decode(bytes);
  if (!message) return 0;
  check_records(message->answers, size);
  check_records(message->authority, size);
  check_records(message->additional, size);
  promise(!message->signature_at || *message->signature_at < size, "the signature lies within the message");
  const bool passed = static_cast<bool>(check_signature(bytes, *message, key, "mac of a request", WallTime()));
  promise(!passed, "nobody signs with a key that is not theirs");
  return 0;
}
