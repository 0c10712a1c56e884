// Requests on their way to an upstream, from either version to either: what is written upstream, read again, says what
// the client said; a request of HTTP/1.1 said in HTTP/2 becomes the same one upstream. The first byte chooses: a head
// of HTTP/1.1, or fields of HTTP/2, each a name, 0x01, a value, 0x02.
#include "proxy/http/header_rules.h"
#include "proxy/http/http2_head.h"
#include "proxy/http/http2_request_fields.h"
#include "tests/fuzz/promise.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace gatehouse;

constexpr std::size_t head_limit = 64 * 1024;
const HeadLimits generous{.target_bytes = 1 << 20, .fields = 1000};

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A request as an upstream reads it, in one spelling: names in lower case, cookies joined.
struct Seen {
  std::string method, target, authority, cookies, upgrade;
  BodyFraming body;
  bool expect_continue = false;
  std::vector<std::pair<std::string, std::string>> fields;

  bool operator==(const Seen&) const = default;
};

Seen spelled(const RequestHead& request) {
  Seen seen{std::string(request.method),    std::string(request.target),
            std::string(request.authority), {},
            std::string(request.upgrade),   request.body,
            request.expect_continue,        {}};
  for (const auto& field : request.fields)
    if (field.id == HeaderId::cookie)
      seen.cookies.append(seen.cookies.empty() ? "" : "; ").append(field.value);
    else
      seen.fields.emplace_back(lowered(field.name), field.value);
  return seen;
}

// The same request, said to an upstream of HTTP/2.
void check_said_in_http2(std::string_view head, const RequestHead& request, Seen seen) {
  if (!request.upgrade.empty()) return;
  const auto said = http2_request_fields(head, request, "http", false);
  Http2RequestHead read(generous.target_bytes);
  read.add(":method", said.line.method);
  read.add(":scheme", said.line.scheme);
  read.add(":authority", said.line.authority);
  read.add(":path", said.line.path);
  for (const auto& field : said.fields) read.add(lowered(field.name), field.value);
  RequestHead again;
  promise(read.finish(request.body.kind == BodyKind::none, generous, again).has_value(), "HTTP/2 can say it");
  Seen other = spelled(again);
  const auto of_one_version = [](const auto& field) {
    return field.first == "host" || field.first == "te" || field.first == "transfer-encoding" ||
           field.first == "connection";
  };
  for (Seen* each : {&seen, &other}) std::erase_if(each->fields, of_one_version);
  promise(other == seen, "an upstream of HTTP/2 hears the same");
}

Seen seen_upstream(const RequestHead& request) {
  std::string head;
  const Origin origin{.client_address = "192.0.2.1", .peer_address = "192.0.2.1"};
  write_upstream_request(head, request, origin, request.authority.empty() ? "nobody.test" : "");
  HeadEnd end;
  const auto found = end.find(head);
  promise(found && *found == head.size(), "what is forwarded is one head");
  RequestHead again;
  promise(parse_request_head(head, generous, again).has_value(), "that parses");
  Seen seen = spelled(again);
  check_said_in_http2(head, request, seen);
  return seen;
}

bool passes_unchanged(const HeaderField& field) {
  return field.id == HeaderId::other || field.id == HeaderId::trailer || field.id == HeaderId::date ||
         field.id == HeaderId::server;
}

// `Connection` may take fields away.
bool names_fields(const RequestHead& request) {
  for (const auto& field : request.fields)
    if (field.id == HeaderId::connection) return true;
  return false;
}

// Fields that pass arrive in order, each byte as it was, and no others but ours.
void check_fields(const RequestHead& request, const Seen& seen) {
  std::vector<std::pair<std::string, std::string>> sent, arrived;
  for (const auto& field : request.fields)
    if (passes_unchanged(field)) sent.emplace_back(lowered(field.name), field.value);
  for (const auto& [name, value] : seen.fields)
    if (passes_unchanged({name, value, header_id(name)})) arrived.emplace_back(name, value);
  if (!names_fields(request)) promise(sent == arrived, "the client's fields arrive as they were");
  for (const auto& [name, value] : seen.fields)
    if (header_id(name) == HeaderId::x_forwarded_for || header_id(name) == HeaderId::x_real_ip)
      promise(value == "192.0.2.1", "nobody says who he is by a field");
}

void check(const RequestHead& request, const Seen& seen) {
  const bool no_path = request.target.empty() || request.target.front() == '?';  // of an absolute-form target
  promise(seen.method == request.method, "the same method");
  promise(seen.target == (no_path ? "/" : "") + std::string(request.target), "for the same target");
  promise(seen.authority == (request.authority.empty() ? "nobody.test" : request.authority), "at the same host");
  promise(seen.body == request.body && seen.upgrade == request.upgrade, "with the same body");
  check_fields(request, seen);
}

// The same request in HTTP/2, as a browser would say it.
Result<void> say_in_http2(const RequestHead& request, const Seen& seen, Http2RequestHead& head, RequestHead& out) {
  head.add(":method", request.method);
  head.add(":scheme", "http");
  head.add(":authority", request.authority);
  head.add(":path", seen.target);
  for (const auto& field : request.fields) {
    if (field.id == HeaderId::host || field.id == HeaderId::connection || field.id == HeaderId::keep_alive ||
        field.id == HeaderId::proxy_connection || field.id == HeaderId::te || field.id == HeaderId::upgrade ||
        field.id == HeaderId::transfer_encoding)
      continue;
    head.add(lowered(field.name), field.value);
  }
  return head.finish(request.body.kind == BodyKind::none, generous, out);
}

void compare(const RequestHead& request, const Seen& seen) {
  if (request.minor_version == 0 || !request.upgrade.empty() || names_fields(request)) return;
  Http2RequestHead head(head_limit);
  RequestHead other;
  const auto said = say_in_http2(request, seen, head, other);
  if (!said && head.size() > head_limit) return;  // it counts 32 bytes a field
  promise(said.has_value(), "what HTTP/1.1 may say, HTTP/2 may");
  promise(seen_upstream(other) == seen, "and upstream both are one");
}

void from_http1(std::string_view bytes) {
  HeadEnd end;
  const auto found = end.find(bytes);
  if (!found || *found == 0) return;
  RequestHead request;
  if (!parse_request_head(bytes.substr(0, *found), {}, request)) return;
  const Seen seen = seen_upstream(request);
  check(request, seen);
  compare(request, seen);
}

std::string_view take(std::string_view& bytes, char mark) {
  const auto end = std::min(bytes.find(mark), bytes.size());
  const std::string_view taken = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return taken;
}

// What the fields say, read without the code under test.
struct Said {
  std::string method, path, authority, host, cookies;
  std::vector<std::pair<std::string, std::string>> fields;
};

void from_http2(std::string_view bytes, bool last) {
  Http2RequestHead head(head_limit);
  Said said;
  while (!bytes.empty()) {
    const std::string_view name = take(bytes, '\x01'), value = take(bytes, '\x02');
    if (name != lowered(name)) return;  // the codec refuses those
    head.add(name, value);
    if (name == ":method")
      said.method = value;
    else if (name == ":path")
      said.path = value;
    else if (name == ":authority")
      said.authority = value;
    else if (name == "host")
      said.host = value;
    else if (name == "cookie")
      said.cookies.append(said.cookies.empty() ? "" : "; ").append(value);
    else if (!name.starts_with(':'))
      said.fields.emplace_back(name, trimmed(value));
  }
  RequestHead request;
  if (!head.finish(last, {}, request)) return;
  const Seen seen = seen_upstream(request);
  check(request, seen);
  promise(request.minor_version == 1, "HTTP/2 becomes HTTP/1.1");
  promise(said.host.empty() || said.authority.empty() || said.host == said.authority, "there is one host");
  promise(request.authority == trimmed(said.authority.empty() ? said.host : said.authority), "which is that");
  promise(request.target == said.path, "the path is the target");
  promise(request.method == (head.opens_websocket() ? "GET" : said.method), "the method stays");
  promise(!last || request.body.kind == BodyKind::none || request.body.kind == BodyKind::length, "and the framing");
  promise(last || head.opens_websocket() || request.body.kind == BodyKind::chunked || !said.fields.empty(), "too");
  promise(request.find(HeaderId::cookie) == trimmed(said.cookies), "cookies are joined");
  if (head.opens_websocket()) return;
  std::vector<std::pair<std::string, std::string>> read;
  for (const auto& field : request.fields)
    if (field.id != HeaderId::host && field.id != HeaderId::cookie && field.id != HeaderId::transfer_encoding)
      read.emplace_back(field.name, field.value);
  promise(read == said.fields, "every other field is the client's");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = as_text(data + 1, size - 1);
  if (data[0] % 4 == 0)
    from_http2(bytes, true);
  else if (data[0] % 4 == 1)
    from_http2(bytes, false);
  else
    from_http1(bytes);
  return 0;
}
