// What is added, kept and removed, as whole heads: left in, right out.
#include "proxy/http/header_rules.h"

#include "proxy/http/http1_parser.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

constexpr Origin plain{.client_address = "192.0.2.7", .peer_address = "192.0.2.7"};
constexpr Origin tls{.client_address = "192.0.2.7", .peer_address = "192.0.2.7", .over_tls = true};
constexpr Origin trusted{.client_address = "203.0.113.9", .peer_address = "10.0.0.1", .trusted = true};

// `head` without its empty line, lines ended by \n.
RequestHead parse(std::string& bytes, std::string_view head) {
  bytes.clear();
  for (const char c : head) bytes.append(c == '\n' ? "\r\n" : std::string(1, c));
  bytes += "\r\n";
  RequestHead request;
  const auto parsed = parse_request_head(bytes, {}, request);
  EXPECT_TRUE(parsed) << describe(parsed.error()) << "\n" << head;
  return request;
}

std::string without_cr(std::string_view text) {
  std::string lines;
  for (const char c : text)
    if (c != '\r') lines += c;
  return lines;
}

// What goes to the upstream, lines ended by \n.
std::string forwarded(std::string_view head, const Origin& origin = plain, std::string_view host_override = "") {
  std::string bytes, out;
  const RequestHead request = parse(bytes, head);
  write_upstream_request(out, request, origin, host_override);
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
  return without_cr(out);
}

// The forwarded fields named `name` (lower case), one a line; in the spelling they have.
std::string forwarded_fields(std::string_view head, std::string_view name, const Origin& origin = plain) {
  const std::string out = forwarded(head, origin);
  std::string found;
  for (std::size_t at = out.find('\n') + 1; at < out.size();) {
    const auto end = out.find('\n', at);
    const std::string line = out.substr(at, end - at);
    if (same_name(line.substr(0, line.find(':')), name)) found += line + "\n";
    at = end + 1;
  }
  return found;
}

TEST(UpstreamRequest, is_the_clients_with_our_fields) {
  EXPECT_EQ(forwarded("GET /a?b HTTP/1.1\nHost: a.example\nUser-Agent: x\nAccept: */*\n"),
            "GET /a?b HTTP/1.1\nHost: a.example\nUser-Agent: x\nAccept: */*\n"
            "X-Forwarded-For: 192.0.2.7\nX-Real-IP: 192.0.2.7\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.example\n"
            "X-Forwarded-Port: 80\n\n");
}

TEST(UpstreamRequest, over_tls_says_https) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\nHost: a.example\n", tls),
            "GET / HTTP/1.1\nHost: a.example\nX-Forwarded-For: 192.0.2.7\nX-Real-IP: 192.0.2.7\n"
            "X-Forwarded-Proto: https\nX-Forwarded-Host: a.example\nX-Forwarded-Port: 443\nX-Forwarded-Ssl: on\n\n");
}

TEST(UpstreamRequest, the_port_is_hosts_own_when_it_has_one) {
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: a:8443\n", "x-forwarded-port", tls), "X-Forwarded-Port: 8443\n");
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: [::1]:8443\n", "x-forwarded-port", tls),
            "X-Forwarded-Port: 8443\n");
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: [::1]\n", "x-forwarded-port", tls), "X-Forwarded-Port: 443\n");
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: a:\n", "x-forwarded-port", plain), "X-Forwarded-Port: 80\n");
}

// Registry and Rails build absolute URLs from these: a client must not choose them.
TEST(UpstreamRequest, an_untrusted_peers_word_is_dropped) {
  const std::string expected = forwarded("GET / HTTP/1.1\nHost: a\n");
  for (const std::string_view field : {"X-Forwarded-For: 1.2.3.4",
                                       "x-forwarded-for: 1.2.3.4\nX-Forwarded-For: 5.6.7.8",
                                       "X-Forwarded-Proto: https",
                                       "X-Forwarded-Host: evil",
                                       "X-Forwarded-Port: 1",
                                       "X-Forwarded-Ssl: on",
                                       "X-Forwarded-Server: evil",
                                       "X-Forwarded-Prefix: /evil",
                                       "X-Forwarded-Client-Cert: x",
                                       "X-Forwarded-Tls-Client-Cert: x",
                                       "X-Forwarded-Tls-Client-Cert-Info: x",
                                       "X-Real-IP: 1.2.3.4",
                                       "X-Original-URL: /admin",
                                       "X-Rewrite-URL: /admin",
                                       "X-Scheme: https",
                                       "X-SSL-Client-Certificate: x",
                                       "Forwarded: for=1.2.3.4;proto=https",
                                       "X_Forwarded_For: 1.2.3.4",
                                       "X-Forwarded_For: 1.2.3.4",
                                       "X.Forwarded.For: 1.2.3.4",
                                       "x_forwarded_proto: https",
                                       "Content_Length: 5",
                                       "Transfer_Encoding: chunked",
                                       "Transfer-%45ncoding: chunked",
                                       "X_Custom: 1"})
    EXPECT_EQ(forwarded("GET / HTTP/1.1\nHost: a\n" + std::string(field) + "\n"), expected) << field;
}

TEST(UpstreamRequest, a_trusted_peers_word_is_kept_and_its_address_appended) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: "
                      "https\nX-Forwarded-Host: b.example\n"
                      "X-Forwarded-Port: 8443\nX-Forwarded-Prefix: /p\nForwarded: for=203.0.113.9\nX-Real-IP: 6.6.6.6\n"
                      "X-Forwarded-Ssl: off\nX-Original-URL: /x\nX_Forwarded_For: 6.6.6.6\n",
                      trusted),
            "GET / HTTP/1.1\nHost: a\nX-Forwarded-Proto: https\nX-Forwarded-Host: b.example\nX-Forwarded-Port: 8443\n"
            "X-Forwarded-Prefix: /p\nForwarded: for=203.0.113.9\nX-Forwarded-For: 203.0.113.9, 10.0.0.1\n"
            "X-Real-IP: 203.0.113.9\nX-Forwarded-Ssl: on\n\n");
}

TEST(UpstreamRequest, a_trusted_peer_may_leave_everything_to_us) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\nHost: a:81\n", trusted),
            "GET / HTTP/1.1\nHost: a:81\nX-Forwarded-For: 10.0.0.1\nX-Real-IP: 203.0.113.9\nX-Forwarded-Proto: http\n"
            "X-Forwarded-Host: a:81\nX-Forwarded-Port: 81\n\n");
}

TEST(UpstreamRequest, a_chain_of_trusted_peers_stays_in_order) {
  EXPECT_EQ(
      forwarded_fields(
          "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\nX-Forwarded-For:\nX-Forwarded-For: 3.3.3.3\n",
          "x-forwarded-for", trusted),
      "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1\n");
}

TEST(UpstreamRequest, schemes_of_websockets_are_those_of_http) {
  for (const auto& [told, scheme] : std::vector<std::pair<std::string, std::string>>{
           {"https", "https"}, {"wss", "https"}, {"http", "http"}, {"ws", "http"}, {"gopher", "http"}}) {
    std::string bytes;
    const RequestHead request = parse(bytes, "GET / HTTP/1.1\nHost: a\nX-Forwarded-Proto: " + told + "\n");
    EXPECT_EQ(client_scheme(request, trusted), scheme) << told;
    EXPECT_EQ(client_scheme(request, plain), "http") << told;
    EXPECT_EQ(client_scheme(request, tls), "https") << told;
  }
}

TEST(UpstreamRequest, hop_by_hop_fields_go) {
  EXPECT_EQ(
      forwarded("GET / HTTP/1.1\nHost: a\nConnection: keep-alive\nKeep-Alive: timeout=5\nProxy-Connection: keep-alive\n"
                "TE: trailers\nUpgrade: websocket\nTrailer: X\n"),
      forwarded("GET / HTTP/1.1\nHost: a\nTrailer: X\n"));
}

TEST(UpstreamRequest, fields_that_connection_names_go) {
  const std::string expected = forwarded("GET / HTTP/1.1\nHost: a\nX-C: 3\n");
  EXPECT_EQ(forwarded("GET / HTTP/1.1\nHost: a\nConnection: X-A, x-b\nX-A: 1\nX-C: 3\nX-B: 2\n"), expected);
  EXPECT_EQ(
      forwarded(
          "GET / HTTP/1.1\nHost: a\nX-A: 1\nX-C: 3\nX-B: 2\nConnection: close\nConnection: ,X-A\nConnection: X-B,\n"),
      expected);
  EXPECT_EQ(
      forwarded(
          "GET / HTTP/1.1\nHost: a\nHTTP2-Settings: x\nX-C: 3\nConnection: HTTP2-Settings, Upgrade\nUpgrade: h2c\n"),
      expected);
}

// A client must not be able to take away what identifies, authenticates or frames its request.
TEST(UpstreamRequest, connection_cannot_remove_what_is_needed) {
  for (const std::string_view name :
       {"Host", "Content-Length", "Cookie", "Authorization", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
        "X-Forwarded-Port", "X-Forwarded-Ssl", "X-Real-IP", "Transfer-Encoding", "Expect"}) {
    const std::string fields =
        "Host: a\nContent-Length: 5\nCookie: c=1\nAuthorization: Basic eA==\nX-Forwarded-For: 203.0.113.9\n"
        "X-Forwarded-Proto: https\nX-Forwarded-Host: b\nX-Forwarded-Port: 1\nForwarded: for=203.0.113.9\n";
    for (const Origin& origin : {plain, tls, trusted})
      EXPECT_EQ(forwarded("POST / HTTP/1.1\n" + fields + "Connection: close, " + std::string(name) + "\n", origin),
                forwarded("POST / HTTP/1.1\n" + fields, origin))
          << name;
  }
}

TEST(UpstreamRequest, upgrades_are_asked_for_anew) {
  EXPECT_EQ(
      forwarded(
          "GET /ws HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: keep-alive, Upgrade\nSec-WebSocket-Key: k\n",
          tls),
      "GET /ws HTTP/1.1\nHost: a\nSec-WebSocket-Key: k\nX-Forwarded-For: 192.0.2.7\nX-Real-IP: 192.0.2.7\n"
      "X-Forwarded-Proto: https\nX-Forwarded-Host: a\nX-Forwarded-Port: 443\nX-Forwarded-Ssl: on\n"
      "Connection: Upgrade\nUpgrade: websocket\n\n");
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: a\nUpgrade: h2c\nConnection: Upgrade\n", "upgrade"), "");
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: a\nUpgrade: h2c\nConnection: Upgrade\n", "connection"), "");
  EXPECT_EQ(forwarded_fields("GET / HTTP/1.1\nHost: a\nUpgrade: websocket, h2c\nConnection: Upgrade\n", "upgrade"), "");
}

TEST(UpstreamRequest, framing_is_written_anew) {
  const auto framing = [](std::string_view fields) {
    const std::string head = "POST / HTTP/1.1\nHost: a\n" + std::string(fields);
    return forwarded_fields(head, "content-length") + forwarded_fields(head, "transfer-encoding") +
           forwarded_fields(head, "expect");
  };
  EXPECT_EQ(framing(""), "");
  EXPECT_EQ(framing("Content-Length: 0\n"), "Content-Length: 0\n");
  EXPECT_EQ(framing("content-length:  5 \n"), "Content-Length: 5\n");
  EXPECT_EQ(framing("Content-Length: 0200\n"), "Content-Length: 200\n");
  EXPECT_EQ(framing("Transfer-Encoding: CHUNKED\n"), "Transfer-Encoding: chunked\n");
  EXPECT_EQ(framing("Expect: 100-Continue\nContent-Length: 5\n"), "Content-Length: 5\nExpect: 100-continue\n");
  EXPECT_EQ(framing("Expect: 100-continue\n"), "");
}

TEST(UpstreamRequest, the_host_can_be_overridden) {
  const std::string out = forwarded("GET / HTTP/1.1\nHost: a.example\n", plain, "inside:8080");
  EXPECT_TRUE(out.starts_with("GET / HTTP/1.1\nHost: inside:8080\n"));
  EXPECT_NE(out.find("X-Forwarded-Host: a.example\n"), std::string::npos);
}

TEST(UpstreamRequest, http_1_0_becomes_1_1) {
  EXPECT_EQ(forwarded("GET /x HTTP/1.0\nHost: a\nConnection: keep-alive\n"), forwarded("GET /x HTTP/1.1\nHost: a\n"));
  EXPECT_TRUE(forwarded("GET /x HTTP/1.2\nHost: a\n").starts_with("GET /x HTTP/1.1\n"));
}

// S3 signatures and GitLab's API depend on it.
TEST(UpstreamRequest, targets_pass_byte_for_byte) {
  for (const std::string target :
       {"/api/v4/projects/group%2Fproject", "//", "/a//b", "/a+b", "/a;b=c", "/?a=b;c", "/?a=b;c&d=%2F+%zz", "/..%2f..",
        "/%2e%2e/a", "/./a/../b", "/a?", "/?", "/a?b?c", "/%", "/a\\b", "/a|b^c`{}", "/~a!$'()*,:@&="})
    EXPECT_TRUE(forwarded("GET " + target + " HTTP/1.1\nHost: a\n").starts_with("GET " + target + " HTTP/1.1\n"))
        << target;
}

TEST(UpstreamRequest, absolute_form_becomes_origin_form) {
  const auto line = [](std::string_view method, std::string_view target) {
    const std::string out = forwarded(std::string(method) + " " + std::string(target) + " HTTP/1.1\nHost: a\n");
    return out.substr(0, out.find('\n'));
  };
  EXPECT_EQ(line("GET", "http://a/x"), "GET /x HTTP/1.1");
  EXPECT_EQ(line("GET", "http://a?x=1"), "GET /?x=1 HTTP/1.1");
  EXPECT_EQ(line("GET", "http://a"), "GET / HTTP/1.1");
  EXPECT_EQ(line("OPTIONS", "*"), "OPTIONS * HTTP/1.1");
  EXPECT_EQ(line("OPTIONS", "http://a"), "OPTIONS * HTTP/1.1");
}

// Whatever is accepted is written so that the same strict parser reads the same request.
TEST(UpstreamRequest, parses_again_as_the_same_request) {
  for (const std::string_view head : {"GET / HTTP/1.1\nHost: a\n", "POST /x HTTP/1.1\nHost: a\nContent-Length: 007\n",
                                      "PUT /x HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n",
                                      "GET /ws HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: spdy/3.1\n",
                                      "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nExpect: 100-continue\n"}) {
    std::string bytes, out;
    const RequestHead request = parse(bytes, head);
    write_upstream_request(out, request, tls, "");
    RequestHead again;
    ASSERT_TRUE(parse_request_head(out, {}, again)) << out;
    EXPECT_EQ(again.method, request.method);
    EXPECT_EQ(again.target, request.target);
    EXPECT_EQ(again.authority, request.authority);
    EXPECT_EQ(again.body, request.body);
    EXPECT_EQ(again.upgrade, request.upgrade);
    EXPECT_EQ(again.expect_continue, request.expect_continue);
  }
}

// Answers

constexpr std::string_view date = "Thu, 01 Jan 2026 00:00:00 GMT";

struct Answer {
  std::string bytes;
  ResponseHead head;
};

void parse_answer(Answer& answer, std::string_view head, std::string_view method = "GET") {
  for (const char c : head) answer.bytes.append(c == '\n' ? "\r\n" : std::string(1, c));
  answer.bytes += "\r\n";
  const auto parsed = parse_response_head(answer.bytes, {}, method, answer.head);
  EXPECT_TRUE(parsed) << describe(parsed.error()) << "\n" << head;
}

// What goes to the client, lines ended by \n.
std::string answered(std::string_view head, ResponseRules rules = {}, std::string_view method = "GET") {
  Answer answer;
  parse_answer(answer, head, method);
  rules.date = date;
  std::string out;
  write_client_response(out, answer.head, rules);
  return without_cr(out);
}

ResponseRules rules_for(BodyFraming body, bool length_known) {
  ResponseRules rules;
  rules.body = body;
  rules.body_length_known = length_known;
  return rules;
}

const ResponseRules sized = rules_for({BodyKind::length, 5}, true);
const ResponseRules chunked = rules_for({BodyKind::chunked, 0}, false);
const ResponseRules bodyless = rules_for({}, true);

TEST(ClientResponse, is_the_upstreams_with_server_and_date) {
  EXPECT_EQ(answered("HTTP/1.1 200 Fine\nContent-Type: text/plain\nContent-Length: 5\n", sized),
            "HTTP/1.1 200 Fine\nContent-Type: text/plain\nServer: gatehouse\nDate: Thu, 01 Jan 2026 00:00:00 "
            "GMT\nContent-Length: 5\n\n");
}

TEST(ClientResponse, the_upstreams_server_and_date_stay) {
  EXPECT_EQ(answered("HTTP/1.0 404 \nserver: nginx\nDATE: then\n", chunked),
            "HTTP/1.1 404 \nserver: nginx\nDATE: then\nTransfer-Encoding: chunked\n\n");
  EXPECT_EQ(answered("HTTP/1.1 404 \nServer: nginx\nDate: then\nConnection: Server, Date\n", chunked),
            "HTTP/1.1 404 \nServer: nginx\nDate: then\nTransfer-Encoding: chunked\n\n");
}

TEST(ClientResponse, hop_by_hop_fields_and_those_connection_names_go) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\nServer: s\nDate: d\nConnection: close, X-Hop\nX-Hop: 1\nKeep-Alive: "
                     "timeout=1\nProxy-Connection: x\n"
                     "Transfer-Encoding: chunked\nUpgrade: h2\nX-Stays: 1\nSet-Cookie: a=1\nSet-Cookie: b=2\n",
                     chunked),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nX-Stays: 1\nSet-Cookie: a=1\nSet-Cookie: b=2\nTransfer-Encoding: "
            "chunked\n\n");
}

TEST(ClientResponse, set_cookie_cannot_be_named_away) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\nServer: s\nDate: d\nConnection: Set-Cookie\nSet-Cookie: a=1\n", chunked),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nSet-Cookie: a=1\nTransfer-Encoding: chunked\n\n");
}

TEST(ClientResponse, head_and_304_keep_their_length) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\nServer: s\nDate: d\nContent-Length: 7\n", bodyless, "HEAD"),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nContent-Length: 7\n\n");
  EXPECT_EQ(answered("HTTP/1.1 304 Not Modified\nServer: s\nDate: d\nContent-Length: 7\nETag: x\n", bodyless),
            "HTTP/1.1 304 Not Modified\nServer: s\nDate: d\nContent-Length: 7\nETag: x\n\n");
  EXPECT_EQ(answered("HTTP/1.1 200 OK\nServer: s\nDate: d\nContent-Length: 0\n", bodyless),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nContent-Length: 0\n\n");
}

TEST(ClientResponse, a_204_has_no_length) {
  EXPECT_EQ(answered("HTTP/1.1 204 No Content\nServer: s\nDate: d\nContent-Length: 5\n"),
            "HTTP/1.1 204 No Content\nServer: s\nDate: d\n\n");
}

TEST(ClientResponse, lengths_are_written_anew) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\nServer: s\nDate: d\nContent-Length: 0005\n", sized),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nContent-Length: 5\n\n");
}

TEST(ClientResponse, says_whether_the_connection_stays) {
  const std::string head = "HTTP/1.1 200 OK\nServer: s\nDate: d\nConnection: keep-alive\n";
  ResponseRules rules = chunked;
  rules.close = true;
  EXPECT_EQ(answered(head, rules),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nTransfer-Encoding: chunked\nConnection: close\n\n");
  ResponseRules old;
  old.close = old.http10 = true;
  EXPECT_EQ(answered(head, old), "HTTP/1.1 200 OK\nServer: s\nDate: d\nConnection: close\n\n");
  old.close = false;
  EXPECT_EQ(answered(head, old), "HTTP/1.1 200 OK\nServer: s\nDate: d\nConnection: keep-alive\n\n");
}

TEST(ClientResponse, adds_our_cookie) {
  ResponseRules rules = chunked;
  rules.set_cookie = "route=1; Path=/";
  EXPECT_EQ(answered("HTTP/1.1 200 OK\nServer: s\nDate: d\nSet-Cookie: a=1\n", rules),
            "HTTP/1.1 200 OK\nServer: s\nDate: d\nSet-Cookie: a=1\nSet-Cookie: route=1; Path=/\nTransfer-Encoding: "
            "chunked\n\n");
}

TEST(ClientResponse, a_switch_of_protocols_passes) {
  EXPECT_EQ(answered("HTTP/1.1 101 Switching Protocols\nServer: s\nDate: d\nconnection: upgrade\nupgrade: "
                     "websocket\nSec-WebSocket-Accept: x\n"),
            "HTTP/1.1 101 Switching Protocols\nServer: s\nDate: d\nSec-WebSocket-Accept: x\nConnection: "
            "Upgrade\nUpgrade: websocket\n\n");
}

TEST(ClientResponse, interim_answers_have_no_framing) {
  Answer answer;
  parse_answer(answer, "HTTP/1.1 103 Early Hints\nLink: </a>; rel=preload\nContent-Length: 5\nConnection: close\n");
  std::string out;
  write_interim(out, answer.head);
  EXPECT_EQ(without_cr(out), "HTTP/1.1 103 Early Hints\nLink: </a>; rel=preload\n\n");
}

TEST(ClientResponse, only_harmless_trailers_pass) {
  const auto field = [](std::string_view name, std::string_view value) {
    return HeaderField{name, value, header_id(name)};
  };
  std::string out;
  write_trailers(
      out, {field("X-Sum", "1"), field("Content-Length", "50"), field("Set-Cookie", "a=1"), field("grpc-status", "0")});
  EXPECT_EQ(without_cr(out), "X-Sum: 1\ngrpc-status: 0\n\n");
}

}  // namespace
}  // namespace gatehouse
