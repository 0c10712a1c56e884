#include "tls/client_hello.h"

#include "base/names.h"

#include <algorithm>

namespace gatehouse::tls {
namespace {

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t client_hello_message = 1;
constexpr std::size_t message_header = 4;  // type, 24 bits of length
constexpr std::size_t max_record = 16384;
constexpr std::size_t max_server_name = 255;

// Reads length-prefixed fields; once something is missing, everything after it is missing too.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  bool good() const { return good_; }
  bool empty() const { return rest_.empty(); }
  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) good_ = false;
    const std::string_view taken = rest_.substr(0, good_ ? count : 0);
    rest_.remove_prefix(good_ ? count : rest_.size());
    return taken;
  }
  std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (char c : bytes(width)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  std::string_view vector(std::size_t width) { return bytes(number(width)); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

Failure malformed(std::string_view words) { return Failure(FailureKind::handshake_failed, std::string(words)); }

bool is_address(const std::string& text) {
  error_code error;
  asio::ip::make_address(text, error);
  return !error;
}

Result<std::vector<std::string>> parse_alpn(std::string_view body) {
  Fields outer(body);
  Fields list(outer.vector(2));
  std::vector<std::string> names;
  while (!list.empty()) {
    names.emplace_back(list.vector(1));
    if (names.back().empty()) return malformed("an empty ALPN protocol");
  }
  if (!outer.good() || !outer.empty() || !list.good() || names.empty()) return malformed("a malformed ALPN list");
  return names;
}

Result<ClientHello> parse_extensions(std::string_view bytes) {
  constexpr std::size_t server_name = 0, alpn = 16;
  ClientHello hello;
  Fields extensions(bytes);
  bool named = false;
  while (!extensions.empty()) {
    const std::size_t type = extensions.number(2);
    const std::string_view body = extensions.vector(2);
    if (!extensions.good()) break;
    if (type == server_name) {
      auto name = parse_server_name(body);
      if (!name || named) return name ? malformed("two server_name extensions") : name.error();
      hello.server_name = *std::move(name);
      named = true;
    } else if (type == alpn) {
      auto names = parse_alpn(body);
      if (!names || !hello.alpn.empty()) return names ? malformed("two ALPN extensions") : names.error();
      hello.alpn = *std::move(names);
    }
  }
  if (!extensions.good()) return malformed("a malformed extension");
  return hello;
}

// The message without its header.
Result<ClientHello> parse_hello(std::string_view body) {
  Fields fields(body);
  fields.bytes(2 + 32);  // version, random
  const std::size_t session_id = fields.vector(1).size();
  const std::size_t suites = fields.vector(2).size();
  const std::size_t compressions = fields.vector(1).size();
  if (!fields.good() || session_id > 32 || suites == 0 || suites % 2 != 0 || compressions == 0)
    return malformed("a malformed ClientHello");
  if (fields.empty()) return ClientHello();  // no extensions at all: old but legal
  const std::string_view extensions = fields.vector(2);
  if (!fields.good() || !fields.empty()) return malformed("a ClientHello with a wrong length");
  return parse_extensions(extensions);
}

}  // namespace

Result<std::string> parse_server_name(std::string_view extension_body) {
  Fields outer(extension_body);
  Fields list(outer.vector(2));
  const std::size_t type = list.number(1);
  const std::string_view name = list.vector(2);
  if (!outer.good() || !outer.empty() || !list.good() || type != 0) return malformed("a malformed server_name");
  if (!list.empty()) return malformed("two server names");
  if (name.empty() || is_address(std::string(name.substr(0, max_server_name)))) return std::string();
  auto host = HostName::parse(name);
  if (!host) return malformed("a server name that is not a DNS name");
  return host->text();
}

ClientHelloReader::Verdict ClientHelloReader::feed(std::string_view bytes) {
  while (!bytes.empty() && verdict_ == Verdict::need_more) {
    if (fed_ >= max_bytes) return refuse("a ClientHello larger than 64 KiB");
    const std::size_t limit = std::min(bytes.size(), max_bytes - fed_);
    const std::size_t count = record_left_ == 0 ? 1 : std::min(limit, record_left_);
    fed_ += count;
    verdict_ =
        record_left_ == 0 ? take_header_byte(static_cast<std::uint8_t>(bytes[0])) : take_body(bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
  return verdict_;
}

ClientHelloReader::Verdict ClientHelloReader::take_header_byte(std::uint8_t byte) {
  const bool first_record = message_.empty();
  header_[header_size_++] = byte;
  if (header_size_ == 1 && byte != handshake_record)
    return first_record ? Verdict::not_tls : refuse("another record inside the ClientHello");
  if (header_size_ == 2 && byte != 3) return first_record ? Verdict::not_tls : refuse("a malformed record");
  if (header_size_ < header_.size()) return Verdict::need_more;
  header_size_ = 0;
  record_left_ = static_cast<std::size_t>(header_[3]) << 8 | header_[4];
  if (record_left_ == 0) return refuse("an empty record");
  if (record_left_ > max_record) return refuse("a record longer than 2^14 bytes");
  return Verdict::need_more;
}

ClientHelloReader::Verdict ClientHelloReader::take_body(std::string_view body) {
  record_left_ -= body.size();
  message_ += body;
  if (static_cast<std::uint8_t>(message_[0]) != client_hello_message) return refuse("not a ClientHello");
  if (message_.size() < message_header) return Verdict::need_more;
  const std::size_t size = message_header + Fields(std::string_view(message_).substr(1)).number(3);
  if (size > max_bytes) return refuse("a ClientHello larger than 64 KiB");
  if (message_.size() < size) return Verdict::need_more;
  auto hello = parse_hello(std::string_view(message_).substr(message_header, size - message_header));
  message_ = {};
  if (!hello) return refuse(std::move(hello.error().detail));
  hello_ = *std::move(hello);
  return Verdict::complete;
}

ClientHelloReader::Verdict ClientHelloReader::refuse(std::string words) {
  problem_ = std::move(words);
  message_ = {};
  return verdict_ = Verdict::malformed;
}

}  // namespace gatehouse::tls
