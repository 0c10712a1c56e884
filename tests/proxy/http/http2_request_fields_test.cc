#include "proxy/http/http2_request_fields.h"

#include "proxy/http/header_rules.h"
#include "proxy/http/http1_parser.h"

#include <gtest/gtest.h>

#include <map>

namespace gatehouse {
namespace {

// A request as a client sends it, said as HTTP/2 to an upstream.
struct Said {
  RequestHead request;
  std::string head;
  Http2RequestFields http2;
  std::map<std::string, std::string> fields;

  explicit Said(std::string_view text, bool websocket = false) {
    EXPECT_TRUE(parse_request_head(text, {}, request)) << text;
    write_upstream_request(head, request, Origin{"192.0.2.1", "192.0.2.1", false, true}, "");
    http2 = http2_request_fields(head, request, "https", websocket);
    for (const auto& field : http2.fields) fields[std::string(field.name)] = field.value;
  }
};

TEST(Http2RequestFields, the_request_line_becomes_pseudo_header_fields) {
  const Said said("GET /a%20b?c=d HTTP/1.1\r\nHost: a.example:8443\r\nX: y: z\r\nEmpty:\r\n\r\n");
  EXPECT_EQ(said.http2.line.method, "GET");
  EXPECT_EQ(said.http2.line.path, "/a%20b?c=d");
  EXPECT_EQ(said.http2.line.authority, "a.example:8443");
  EXPECT_EQ(said.http2.line.scheme, "https");
  EXPECT_TRUE(said.http2.line.protocol.empty());
  EXPECT_EQ(said.fields.at("X"), "y: z");
  EXPECT_EQ(said.fields.at("Empty"), "");
  EXPECT_EQ(said.fields.at("X-Forwarded-Proto"), "https");
  EXPECT_FALSE(said.fields.contains("Host"));
}

TEST(Http2RequestFields, what_only_http1_has_is_left_out) {
  const Said said(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: x, keep-alive\r\nX: 1\r\nKeep-Alive: "
      "1\r\nTE: gzip, trailers\r\n\r\n");
  for (const char* name : {"Transfer-Encoding", "Connection", "X", "Keep-Alive", "TE"})
    EXPECT_FALSE(said.fields.contains(name)) << name;
  EXPECT_EQ(said.fields.at("te"), "trailers");
}

TEST(Http2RequestFields, a_length_stays_and_te_is_not_made_up) {
  const Said said("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTE: gzip\r\n\r\n");
  EXPECT_EQ(said.fields.at("Content-Length"), "3");
  EXPECT_FALSE(said.fields.contains("te"));
}

constexpr std::string_view websocket =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

TEST(Http2RequestFields, a_websocket_becomes_an_extended_connect) {
  const Said said(websocket, true);
  EXPECT_EQ(said.http2.line.method, "CONNECT");
  EXPECT_EQ(said.http2.line.protocol, "websocket");
  EXPECT_EQ(said.http2.line.path, "/chat");
  for (const char* name : {"Upgrade", "Connection", "Sec-WebSocket-Key"})
    EXPECT_FALSE(said.fields.contains(name)) << name;
  EXPECT_EQ(said.fields.at("Sec-WebSocket-Version"), "13");
}

TEST(Http2RequestFields, its_200_becomes_the_101_of_the_clients_key) {
  const Said said(websocket, true);
  ResponseHead granted;
  granted.status = 200;
  granted.fields = {{"sec-websocket-protocol", "x", HeaderId::other},
                    {"content-length", "5", HeaderId::content_length},
                    {"sec-websocket-accept", "wrong", HeaderId::other}};
  std::string text;
  const ResponseHead head = websocket_granted(granted, said.request, text);
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.upgrade, "websocket");
  EXPECT_EQ(head.find("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 §1.3
  EXPECT_EQ(head.find("sec-websocket-protocol"), "x");
  EXPECT_TRUE(head.find("content-length").empty());
}

}  // namespace
}  // namespace gatehouse
