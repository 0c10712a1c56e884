#include "proxy/http/header_rules.h"

#include "proxy/http/chunked.h"

#include <charconv>

namespace gatehouse {
namespace {

void add(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void add_number(std::string& out, std::string_view name, std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  add(out, name, {digits, static_cast<std::size_t>(end - digits)});
}

// Fields that `Connection` names are for this hop only. Those the message cannot do without, and ours, are not
// taken away by it.
bool named_by_connection(const std::vector<HeaderField>& fields, std::string_view name) {
  for (const auto& field : fields) {
    if (field.id != HeaderId::connection) continue;
    bool named = false;
    for_each_element(field.value, [&](std::string_view token) {
      named |= token.size() == name.size() && std::equal(token.begin(), token.end(), name.begin(), [](char a, char b) {
                 const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
                 return lower(a) == lower(b);
               });
    });
    if (named) return true;
  }
  return false;
}

// Whether some Connection field holds more than the usual close / keep-alive / upgrade.
bool connection_names_fields(const std::vector<HeaderField>& fields) {
  bool found = false;
  for (const auto& field : fields) {
    if (field.id != HeaderId::connection) continue;
    for_each_element(field.value, [&](std::string_view token) {
      found |= !same_name(token, "close") && !same_name(token, "keep-alive") && !same_name(token, "upgrade");
    });
  }
  return found;
}

bool indispensable(const HeaderField& field) {
  return field.id != HeaderId::other || same_name(field.name, "authorization") || same_name(field.name, "set-cookie");
}

bool is_hop_by_hop(HeaderId id) {
  switch (id) {
    case HeaderId::connection:
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::te:
    case HeaderId::transfer_encoding:
    case HeaderId::content_length:
    case HeaderId::upgrade: return true;
    default: return false;
  }
}

// Fields of the request that only a trusted peer may set, and the rest of what never passes.
bool passes_upstream(const HeaderField& field, bool trusted) {
  switch (field.id) {
    case HeaderId::host:
    case HeaderId::expect:
    case HeaderId::x_forwarded_for:
    case HeaderId::x_real_ip:
    case HeaderId::x_forwarded_ssl:
    case HeaderId::client_identity:
    case HeaderId::ambiguous: return false;
    case HeaderId::forwarded:
    case HeaderId::x_forwarded_host:
    case HeaderId::x_forwarded_port:
    case HeaderId::x_forwarded_proto:
    case HeaderId::x_forwarded_other: return trusted;
    default: return !is_hop_by_hop(field.id);
  }
}

std::string_view port_of(std::string_view authority) {
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && bracket > colon)) return {};
  return authority.substr(colon + 1);
}

void add_forwarded_for(std::string& out, const RequestHead& request, const Origin& origin) {
  out.append("X-Forwarded-For: ");
  if (origin.trusted)
    for (const auto& field : request.fields)
      if (field.id == HeaderId::x_forwarded_for && !field.value.empty()) out.append(field.value).append(", ");
  out.append(origin.peer_address).append("\r\n");
  add(out, "X-Real-IP", origin.client_address);
}

void add_forwarded(std::string& out, const RequestHead& request, const Origin& origin) {
  const auto given = [&](HeaderId id) { return origin.trusted && !request.find(id).empty(); };
  const std::string_view scheme = client_scheme(request, origin);
  add_forwarded_for(out, request, origin);
  if (!given(HeaderId::x_forwarded_proto)) add(out, "X-Forwarded-Proto", scheme);
  if (!given(HeaderId::x_forwarded_host) && !request.authority.empty()) add(out, "X-Forwarded-Host", request.authority);
  if (!given(HeaderId::x_forwarded_port)) {
    const std::string_view port = port_of(request.authority);
    add(out, "X-Forwarded-Port", !port.empty() ? port : scheme == "https" ? "443" : "80");
  }
  if (scheme == "https") add(out, "X-Forwarded-Ssl", "on");
}

void add_framing(std::string& out, const BodyFraming& body) {
  if (body.kind == BodyKind::chunked) out.append("Transfer-Encoding: chunked\r\n");
  if (body.kind == BodyKind::length) add_number(out, "Content-Length", body.length);
}

// POST and PUT without a body say so: some upstreams answer 411 otherwise.
bool states_empty_body(const RequestHead& request) {
  return request.body.kind == BodyKind::none && !request.find(HeaderId::content_length).empty();
}

void add_status_line(std::string& out, const ResponseHead& response) {
  const char digits[3] = {static_cast<char>('0' + response.status / 100),
                          static_cast<char>('0' + response.status / 10 % 10),
                          static_cast<char>('0' + response.status % 10)};
  out.append("HTTP/1.1 ").append(digits, 3).append(" ").append(response.reason).append("\r\n");
}

template <class Each>
void for_each_passing(const ResponseHead& response, bool keep_length, Each each) {
  const bool check = connection_names_fields(response.fields);
  for (const auto& field : response.fields) {
    if (field.id == HeaderId::content_length ? !keep_length : is_hop_by_hop(field.id)) continue;
    if (check && !indispensable(field) && named_by_connection(response.fields, field.name)) continue;
    each(field.name, field.value);
  }
}

void add_response_fields(std::string& out, const ResponseHead& response, bool keep_length) {
  for_each_passing(response, keep_length,
                   [&](std::string_view name, std::string_view value) { add(out, name, value); });
}

// The upstream's fields and those that are added when it has not sent them.
template <class Each>
void for_each_end_to_end(const ResponseHead& response, const ResponseRules& rules, Each each) {
  for_each_passing(response, rules.body_length_known && rules.body.kind == BodyKind::none, each);
  if (response.find("server").empty()) each("Server", "gatehouse");
  if (response.find("date").empty()) each("Date", rules.date);
  if (!rules.set_cookie.empty()) each("Set-Cookie", rules.set_cookie);
}

}  // namespace

std::string_view client_scheme(const RequestHead& request, const Origin& origin) {
  const std::string_view told = origin.trusted ? request.find(HeaderId::x_forwarded_proto) : std::string_view{};
  if (told == "https" || told == "wss") return "https";
  if (told == "http" || told == "ws") return "http";
  return origin.over_tls ? "https" : "http";
}

void write_upstream_request(std::string& out, const RequestHead& request, const Origin& origin,
                            std::string_view host_override) {
  out.append(request.method).append(" ");
  if (request.target.empty() || request.target.front() == '?') out.append("/");  // from an absolute-form target
  out.append(request.target).append(" HTTP/1.1\r\n");
  add(out, "Host", host_override.empty() ? request.authority : host_override);
  const bool check = connection_names_fields(request.fields);
  for (const auto& field : request.fields) {
    if (!passes_upstream(field, origin.trusted)) continue;
    if (check && !indispensable(field) && named_by_connection(request.fields, field.name)) continue;
    add(out, field.name, field.value);
  }
  add_forwarded(out, request, origin);
  add_framing(out, request.body);
  if (states_empty_body(request)) out.append("Content-Length: 0\r\n");
  if (request.expect_continue) out.append("Expect: 100-continue\r\n");
  if (!request.upgrade.empty()) {
    out.append("Connection: Upgrade\r\n");
    add(out, "Upgrade", request.upgrade);
  }
  out.append("\r\n");
}

void write_client_response(std::string& out, const ResponseHead& response, const ResponseRules& rules) {
  add_status_line(out, response);
  for_each_end_to_end(response, rules, [&](std::string_view name, std::string_view value) { add(out, name, value); });
  add_framing(out, rules.body);
  if (!response.upgrade.empty()) {
    out.append("Connection: Upgrade\r\n");
    add(out, "Upgrade", response.upgrade);
  } else if (rules.close) {
    out.append("Connection: close\r\n");
  } else if (rules.http10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void collect_client_response(std::vector<HeaderField>& out, const ResponseHead& response, const ResponseRules& rules,
                             LengthText& length) {
  for_each_end_to_end(response, rules, [&](std::string_view name, std::string_view value) {
    out.push_back({name, value});
  });
  if (rules.body.kind != BodyKind::length) return;
  const auto end = std::to_chars(std::begin(length.digits), std::end(length.digits), rules.body.length).ptr;
  out.push_back({"content-length", {length.digits, end}, HeaderId::content_length});
}

void write_interim(std::string& out, const ResponseHead& response) {
  add_status_line(out, response);
  add_response_fields(out, response, false);
  out.append("\r\n");
}

void collect_interim(std::vector<HeaderField>& out, const ResponseHead& response) {
  for_each_passing(response, false, [&](std::string_view name, std::string_view value) {
    out.push_back({name, value});
  });
}

void write_trailers(std::string& out, const std::vector<HeaderField>& trailers) {
  for (const auto& field : trailers)
    if (trailer_may_pass(field)) add(out, field.name, field.value);
  out.append("\r\n");
}

}  // namespace gatehouse
