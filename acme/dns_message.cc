#include "acme/dns_message.h"

#include <array>

namespace gatehouse::acme {
namespace {

constexpr std::uint16_t reply_flag = 0x8000, opcode_mask = 0x7800, update_opcode = 5 << 11, truncated_flag = 0x0200,
                        recursion_desired = 0x0100, code_mask = 0x000f;
constexpr std::uint16_t class_in = 1, class_none = 254;
constexpr std::size_t max_string = 255;

struct Head {
  std::uint16_t id, flags;
  std::array<std::uint16_t, 4> counts;  // of questions, answers, authority and additional records
};

Head read_head(WireReader& reader) {
  Head head{};
  head.id = reader.u16();
  head.flags = reader.u16();
  for (auto& count : head.counts) count = reader.u16();
  return head;
}

std::uint16_t number(DnsType type) { return static_cast<std::uint16_t>(type); }

std::uint16_t flags_of(const DnsRequest& request) { return request.change ? update_opcode : recursion_desired; }

// At most 255 bytes each (RFC 1035 §3.3).
void put_strings(std::string& out, std::string_view text) {
  do {
    const std::string_view piece = text.substr(0, max_string);
    out += static_cast<char>(piece.size());
    out += piece;
    text.remove_prefix(piece.size());
  } while (!text.empty());
}

void put_change(std::string& out, const TxtChange& change) {
  const bool add = change.action == TxtChange::Action::add;
  put_name(out, change.name);
  put_u16(out, number(DnsType::txt));
  put_u16(out, add ? class_in : class_none);
  put_u32(out, add ? static_cast<std::uint32_t>(change.ttl.count()) : 0);
  const std::size_t length_at = out.size();
  put_u16(out, 0);
  put_strings(out, change.value);
  set_u16(out, length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

std::string read_strings(WireReader& reader, std::size_t end) {
  std::string text;
  while (!reader.failed() && reader.position() < end) text += reader.bytes(reader.u8());
  return text;
}

template <class Address>
asio::ip::address read_address(WireReader& reader) {
  typename Address::bytes_type bytes{};
  const std::string_view read = reader.bytes(bytes.size());
  std::copy(read.begin(), read.end(), bytes.begin());
  return Address(bytes);
}

void read_data(WireReader& reader, DnsRecord& record, std::size_t end) {
  switch (record.type) {
    case DnsType::a: record.address = read_address<asio::ip::address_v4>(reader); break;
    case DnsType::aaaa: record.address = read_address<asio::ip::address_v6>(reader); break;
    case DnsType::ns:
    case DnsType::cname: record.text = reader.name(); break;
    case DnsType::soa:
      record.text = reader.name();
      reader.name();     // the responsible person
      reader.bytes(20);  // serial and times
      break;
    case DnsType::txt: record.text = read_strings(reader, end); break;
    case DnsType::tsig: break;
  }
}

bool is_known(DnsType type) {
  switch (type) {
    case DnsType::a:
    case DnsType::aaaa:
    case DnsType::ns:
    case DnsType::cname:
    case DnsType::soa:
    case DnsType::txt: return true;
    default: return false;
  }
}

// Whether it was well-formed; `type_read` also of a record that is not kept.
bool read_record(WireReader& reader, std::string_view message, std::vector<DnsRecord>& records, DnsType& type_read) {
  DnsRecord record;
  record.name = reader.name();
  record.type = type_read = static_cast<DnsType>(reader.u16());
  const std::uint16_t record_class = reader.u16();
  reader.u32();  // time to live: nothing is kept that long
  const std::uint16_t size = reader.u16();
  const std::size_t start = reader.position();
  reader.bytes(size);
  if (reader.failed()) return false;
  if (record_class != class_in || !is_known(record.type)) return true;
  WireReader data(message, start);
  read_data(data, record, start + size);
  if (data.failed() || data.position() != start + size) return false;
  records.push_back(std::move(record));
  return true;
}

Failure malformed(std::string_view what) {
  return Failure(FailureKind::challenge_failed, "a malformed DNS message: " + std::string(what));
}

Result<void> read_records(WireReader& reader, std::string_view message, const Head& head, DnsMessage& into) {
  const std::array sections{&into.answers, &into.authority, &into.additional};
  if (std::size_t{head.counts[1]} + head.counts[2] + head.counts[3] > DnsMessage::max_records)
    return malformed("too many records");
  for (std::size_t section = 0; section < sections.size(); ++section) {
    for (int i = 0; i < head.counts[section + 1]; ++i) {
      const std::size_t start = reader.position();
      DnsType type{};
      if (!read_record(reader, message, *sections[section], type)) return malformed("a broken record");
      if (type != DnsType::tsig) continue;
      if (section != 2 || i + 1 != head.counts[3]) return malformed("a signature that is not at the end");
      into.signature_at = start;
    }
  }
  if (!reader.at_end()) return malformed("bytes after its end");
  return {};
}

}  // namespace

std::string words_of(DnsCode code) {
  switch (code) {
    case DnsCode::no_error: return "no error";
    case DnsCode::format_error: return "it does not understand the question (FORMERR)";
    case DnsCode::server_failure: return "it fails (SERVFAIL)";
    case DnsCode::no_such_name: return "there is no such name (NXDOMAIN)";
    case DnsCode::not_implemented: return "it cannot do that (NOTIMP)";
    case DnsCode::refused: return "it refuses (REFUSED)";
    case DnsCode::not_authorized: return "it is not authoritative or we are not authorized (NOTAUTH)";
    case DnsCode::not_in_zone: return "the name is not in the zone (NOTZONE)";
  }
  return "it answers with code " + std::to_string(static_cast<int>(code));
}

std::string_view words_of(DnsType type) {
  switch (type) {
    case DnsType::a: return "A";
    case DnsType::ns: return "NS";
    case DnsType::cname: return "CNAME";
    case DnsType::soa: return "SOA";
    case DnsType::txt: return "TXT";
    case DnsType::aaaa: return "AAAA";
    case DnsType::tsig: return "TSIG";
  }
  return "other";
}

std::string encode(const DnsRequest& request, std::uint16_t id) {
  std::string message;
  put_u16(message, id);
  put_u16(message, flags_of(request));
  for (const std::uint16_t count : {1, 0, request.change ? 1 : 0, 0}) put_u16(message, count);
  put_name(message, request.question.name);
  put_u16(message, number(request.question.type));
  put_u16(message, class_in);
  if (request.change) put_change(message, *request.change);
  return message;
}

const DnsRecord* DnsMessage::find(const HostName& name, DnsType type) const {
  for (const auto& record : answers)
    if (record.type == type && record.name == name.text()) return &record;
  return nullptr;
}

bool is_reply_to(const DnsRequest& request, std::uint16_t id, std::string_view message) {
  WireReader reader(message);
  const Head head = read_head(reader);
  const bool update = (head.flags & opcode_mask) == update_opcode;
  const bool query = (head.flags & opcode_mask) == 0;
  if (reader.failed() || head.id != id || (head.flags & reply_flag) == 0 || !(request.change ? update : query))
    return false;
  // An update's answer may leave out all sections (RFC 2136 §3.8).
  if (head.counts[0] == 0) return request.change || (head.flags & code_mask) != 0;
  const bool same = reader.name() == request.question.name.text() && reader.u16() == number(request.question.type) &&
                    reader.u16() == class_in;
  return head.counts[0] == 1 && same && !reader.failed();
}

Result<DnsMessage> decode(std::string_view message) {
  WireReader reader(message);
  const Head head = read_head(reader);
  DnsMessage decoded;
  decoded.code = static_cast<DnsCode>(head.flags & code_mask);
  decoded.truncated = (head.flags & truncated_flag) != 0;
  if (head.counts[0] > 1) return malformed("several questions");
  if (head.counts[0] == 1) {
    reader.name();
    reader.u32();  // type and class
  }
  if (reader.failed()) return malformed("a broken head");
  if (decoded.truncated) return decoded;
  if (auto read = read_records(reader, message, head, decoded); !read) return read.error();
  return decoded;
}

}  // namespace gatehouse::acme
