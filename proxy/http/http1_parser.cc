#include "proxy/http/http1_parser.h"

#include "base/names.h"

#include <array>
#include <charconv>
#include <cstring>

namespace gatehouse {
namespace {

enum CharClass : std::uint8_t { token_char = 1, target_char = 2, value_char = 4, host_char = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const auto i = static_cast<std::size_t>(c);
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alnum || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos)
      table[i] |= token_char;
    if (c > 0x20 && c < 0x7f && c != '#') table[i] |= target_char;
    if ((c >= 0x20 && c != 0x7f) || c == '\t') table[i] |= value_char;
  }
  return table;
}

constexpr auto classes = make_classes();

// Looks at every byte even after a wrong one: right ones are the rule, and so it is twice as fast.
bool all(std::string_view text, CharClass wanted) {
  unsigned common = wanted;
  for (char c : text) common &= classes[static_cast<unsigned char>(c)];
  return common != 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Failure bad(std::string_view words) { return Failure(FailureKind::bad_request, std::string(words)); }

// Takes the text up to the next CRLF; HeadEnd has made sure there is one.
std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const std::string_view line = rest.substr(0, end == 0 ? 0 : end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

Result<HeaderField> parse_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header line has no colon");
  const std::string_view name = line.substr(0, colon);
  // White space before the colon and obs-fold both fail here: neither is a token character.
  if (name.empty() || !all(name, token_char)) return bad("a header name is malformed");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!all(value, value_char)) return bad("a header value holds a control byte");
  return HeaderField{name, value, header_id(name)};
}

Result<void> parse_fields(std::string_view rest, std::size_t limit, std::vector<HeaderField>& fields) {
  while (true) {
    const std::string_view line = take_line(rest);
    if (line.empty()) return {};
    if (fields.size() == limit) return Failure(FailureKind::head_too_large, "too many header fields");
    auto field = parse_field(line);
    if (!field) return field.error();
    fields.push_back(*field);
  }
}

// What several fields together say about framing and the connection.
struct Framing {
  std::string_view content_length, transfer_encoding, upgrade;
  int content_lengths = 0, transfer_encodings = 0;
  bool close = false, keep_alive = false, connection_upgrade = false, h2c = false;
};

void read_connection(std::string_view value, Framing& framing) {
  for_each_element(value, [&](std::string_view token) {
    if (same_name(token, "close")) framing.close = true;
    if (same_name(token, "keep-alive")) framing.keep_alive = true;
    if (same_name(token, "upgrade")) framing.connection_upgrade = true;
  });
}

void read_upgrade(std::string_view value, Framing& framing) {
  framing.upgrade = value;
  for_each_element(value, [&](std::string_view token) { framing.h2c |= same_name(token, "h2c"); });
}

Framing read_framing(const std::vector<HeaderField>& fields) {
  Framing framing;
  for (const auto& field : fields) {
    switch (field.id) {
      case HeaderId::content_length: framing.content_length = field.value, ++framing.content_lengths; break;
      case HeaderId::transfer_encoding: framing.transfer_encoding = field.value, ++framing.transfer_encodings; break;
      case HeaderId::connection: read_connection(field.value, framing); break;
      case HeaderId::upgrade: read_upgrade(field.value, framing); break;
      default: break;
    }
  }
  return framing;
}

Result<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t length = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, length);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || length > INT64_MAX)
    return bad("Content-Length is not a number");
  return length;
}

// The framing the fields declare, whatever the message (RFC 9112 §6.3, refusing instead of repairing).
Result<BodyFraming> declared_body(const Framing& framing, std::uint8_t minor_version) {
  if (framing.transfer_encodings > 0) {
    if (framing.content_lengths > 0) return bad("both Content-Length and Transfer-Encoding");
    if (framing.transfer_encodings > 1 || !same_name(framing.transfer_encoding, "chunked"))
      return bad("a Transfer-Encoding other than a single chunked");
    if (minor_version == 0) return bad("Transfer-Encoding in HTTP/1.0");
    return BodyFraming{BodyKind::chunked, 0};
  }
  if (framing.content_lengths == 0) return BodyFraming{};
  if (framing.content_lengths > 1) return bad("more than one Content-Length");
  auto length = parse_length(framing.content_length);
  if (!length) return length.error();
  return *length == 0 ? BodyFraming{} : BodyFraming{BodyKind::length, *length};
}

// "HTTP/1.x" → x.
Result<std::uint8_t> parse_version(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || !digit(5) || text[6] != '.' || !digit(7))
    return bad("the HTTP version is malformed");
  if (text[5] != '1') return Failure(FailureKind::version_not_supported, std::string(text));
  return static_cast<std::uint8_t>(text[7] - '0');
}

// Absolute-form (RFC 9112 §3.2.2): the authority moves to request.authority, the rest becomes origin-form.
bool split_absolute_form(RequestHead& request) {
  std::string_view rest = request.target;
  if (same_name(rest.substr(0, 7), "http://")) {
    rest.remove_prefix(7);
  } else if (same_name(rest.substr(0, 8), "https://")) {
    rest.remove_prefix(8);
  } else {
    return false;
  }
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  request.authority = rest.substr(0, end);
  request.target = rest.substr(end);
  return !request.authority.empty();
}

Result<void> parse_target(std::string_view target, const HeadLimits& limits, RequestHead& request) {
  if (target.size() > limits.target_bytes) return Failure(FailureKind::uri_too_long);
  if (target.empty() || !all(target, target_char)) return bad("the request target holds a forbidden byte");
  request.target = target;
  if (same_name(request.method, "connect")) return Failure(FailureKind::method_not_supported, "CONNECT");
  if (target == "*" && request.method != "OPTIONS") return bad("the target * is for OPTIONS only");
  if (target.front() != '/' && target != "*" && !split_absolute_form(request))
    return bad("the request target is neither a path nor an http URL");
  // The whole server is meant (RFC 9112 §3.2.4).
  if (request.target.empty() && request.method == "OPTIONS") request.target = "*";
  request.path = request.target.substr(0, request.target.find('?'));
  if (request.path.empty()) request.path = "/";
  return {};
}

Result<void> parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& request) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first)
    return line.size() > limits.target_bytes ? Failure(FailureKind::uri_too_long)
                                             : bad("the request line is malformed");
  request.method = line.substr(0, first);
  if (request.method.empty() || request.method.size() > 32 || !all(request.method, token_char))
    return bad("the method is malformed");
  auto version = parse_version(line.substr(last + 1));
  if (!version) return version.error();
  request.minor_version = *version;
  return parse_target(line.substr(first + 1, last - first - 1), limits, request);
}

// With its colon, or empty.
std::string_view port_of(std::string_view authority) {
  const auto colon = authority.find(':', authority.rfind(']') + 1);
  return colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
}

Result<void> settle_host(RequestHead& request) {
  const std::string_view from_target = request.authority;
  int hosts = 0;
  std::string_view host;
  for (const auto& field : request.fields)
    if (field.id == HeaderId::host) host = field.value, ++hosts;
  if (hosts > 1 || (hosts == 0 && request.minor_version > 0)) return bad("exactly one Host is needed");
  if (hosts == 0 && from_target.empty()) return {};
  HostBuffer buffer, other;
  const auto name = host_of_authority(hosts > 0 ? host : from_target, buffer);
  if (!name) return bad("the Host is malformed");
  const bool both = hosts > 0 && !from_target.empty();
  if (both && (host_of_authority(from_target, other) != name || port_of(from_target) != port_of(host)))
    return bad("the Host differs from the request target");
  if (hosts > 0) request.authority = host;
  return {};
}

Result<void> settle_expectation(RequestHead& request) {
  bool expects = false;
  for (const auto& field : request.fields) {
    if (field.id != HeaderId::expect || field.value.empty()) continue;
    if (!same_name(field.value, "100-continue")) return Failure(FailureKind::expectation_failed);
    expects = true;
  }
  request.expect_continue = expects && request.minor_version > 0 && request.body.kind != BodyKind::none;
  return {};
}

Result<void> settle_connection(RequestHead& request) {
  const Framing framing = read_framing(request.fields);
  auto body = declared_body(framing, request.minor_version);
  if (!body) return body.error();
  request.body = *body;
  request.keep_alive = !framing.close && (request.minor_version > 0 || framing.keep_alive);
  // An upgrade with a body would leave two readings of where the tunnel's bytes begin. h2c is never switched to.
  const bool can_upgrade =
      framing.connection_upgrade && request.minor_version > 0 && request.body.kind == BodyKind::none && !framing.h2c;
  request.upgrade = can_upgrade ? framing.upgrade : std::string_view{};
  return settle_expectation(request);
}

BodyFraming response_body(const ResponseHead& response, const BodyFraming& declared, bool has_length,
                          std::string_view request_method) {
  if (response.status < 200 || response.status == 204 || response.status == 304 || request_method == "HEAD") return {};
  if (declared.kind != BodyKind::none || has_length) return declared;
  return {BodyKind::until_close, 0};
}

Result<void> parse_status_line(std::string_view line, ResponseHead& response) {
  auto version = parse_version(line.substr(0, 8));
  if (!version) return version.error();
  response.minor_version = *version;
  const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
  if (line.size() < 12 || line[8] != ' ' || !digit(9) || !digit(10) || !digit(11) || line[9] == '0')
    return bad("the status line is malformed");
  response.status = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  if (line.size() > 12 && line[12] != ' ') return bad("the status line is malformed");
  response.reason = line.size() > 13 ? line.substr(13) : std::string_view{};
  if (!all(response.reason, value_char)) return bad("the reason phrase holds a control byte");
  return {};
}

Result<void> read_response(std::string_view head, const HeadLimits& limits, std::string_view request_method,
                           ResponseHead& response) {
  if (auto line = parse_status_line(take_line(head), response); !line) return line.error();
  if (auto fields = parse_fields(head, limits.fields, response.fields); !fields) return fields.error();
  const Framing framing = read_framing(response.fields);
  auto declared = declared_body(framing, response.minor_version);
  if (!declared) return declared.error();
  response.body = response_body(response, *declared, framing.content_lengths > 0, request_method);
  response.keep_alive = !framing.close && (response.minor_version > 0 || framing.keep_alive) &&
                        response.body.kind != BodyKind::until_close &&
                        !(response.status == 204 && declared->kind != BodyKind::none);
  if (response.status == 101 && framing.connection_upgrade) response.upgrade = framing.upgrade;
  return {};
}

}  // namespace

Result<std::size_t> HeadEnd::find(std::string_view bytes) {
  while (true) {
    const auto newline = bytes.find('\n', line_start_);
    if (newline == std::string_view::npos) return std::size_t{0};
    if (newline == 0 || bytes[newline - 1] != '\r') return bad("a line ends without CR");
    const bool empty_line = newline == line_start_ + 1;
    const bool leading = line_start_ == 0;
    line_start_ = newline + 1;
    if (empty_line && !leading) {
      // An empty line right after a leading one is no head at all.
      if (newline == 3) return bad("the request line is empty");
      return newline + 1;
    }
  }
}

Result<void> parse_request_head(std::string_view head, const HeadLimits& limits, RequestHead& request) {
  request.fields.clear();
  request.authority = request.target = request.path = request.upgrade = {};
  if (head.starts_with("\r\n")) head.remove_prefix(2);
  if (auto line = parse_request_line(take_line(head), limits, request); !line) return line.error();
  if (auto fields = parse_fields(head, limits.fields, request.fields); !fields) return fields.error();
  if (auto host = settle_host(request); !host) return host.error();
  return settle_connection(request);
}

Result<void> parse_response_head(std::string_view head, const HeadLimits& limits, std::string_view request_method,
                                 ResponseHead& response) {
  response.fields.clear();
  response.upgrade = {};
  auto read = read_response(head, limits, request_method, response);
  if (!read) return Failure(FailureKind::bad_answer, read.error().detail);
  return {};
}

Result<void> parse_trailers(std::string_view section, const HeadLimits& limits, std::vector<HeaderField>& fields) {
  return parse_fields(section, limits.fields, fields);
}

}  // namespace gatehouse
