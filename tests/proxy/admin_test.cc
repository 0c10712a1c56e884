// The admin entry point, and what the access log says of an HTTP exchange.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace gatehouse {
namespace {

TEST(AdminPages, PingReadyAndVersion) {
  TestProxy proxy(TestProxy::Setup{.workers = 2});
  proxy.publish({});
  EXPECT_EQ(proxy.ask_admin("/ping").body, "OK\n");
  EXPECT_EQ(proxy.ask_admin("/ready").status(), 200);
  EXPECT_EQ(proxy.ask_admin("/api/version").body, "{\"version\":\"test\"}\n");
  EXPECT_EQ(proxy.ask_admin("/api/problems").body, "[]");
  EXPECT_EQ(proxy.ask_admin("/").field("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(proxy.ask_admin("/elsewhere").status(), 404);
}

TEST(AdminPages, NotReadyIs503) {
  TestProxy proxy(TestProxy::Setup{.ready = false});
  proxy.publish({});
  EXPECT_EQ(proxy.ask_admin("/ready").status(), 503);
  EXPECT_EQ(proxy.ask_admin("/ping").status(), 200);
}

TEST(AdminPages, AreReadOnly) {
  TestProxy proxy;
  proxy.publish({});
  RawPeer client = proxy.connect("admin");
  client.send(
      "POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
      "HEAD /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_message().status(), 405);
  const Message head = client.read_message(true);
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(head.field("content-length"), "3");
}

TEST(AdminPages, AnswerToNoForeignHostName) {
  TestProxy proxy;
  proxy.publish({});
  const auto status = [&](const std::string& host) {
    RawPeer client = proxy.connect("admin");
    client.send("GET /ping HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.read_message().status();
  };
  EXPECT_EQ(status("rebound.example"), 421);
  EXPECT_EQ(status("127.0.0.1:8080"), 200);
  EXPECT_EQ(status("[::1]:8080"), 200);
  EXPECT_EQ(status("LocalHost"), 200);
  EXPECT_EQ(status("gatehouse.test"), 200);  // allowed by the double's settings
}

TEST(AdminPages, MetricsAddUpOverWorkers) {
  AnsweringUpstream upstream("four");
  TestProxy proxy(TestProxy::Setup{.workers = 2});
  proxy.publish({entry("web", {to(service({upstream.endpoint()}))})});
  for (int i = 0; i < 6; ++i)
    proxy.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  proxy.ask("BAD\r\n\r\n");
  EXPECT_EQ(proxy.await_open("web", 0), 0);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_connections_total{entrypoint=\"web\"}"), 7);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_requests_total{entrypoint=\"web\",code=\"2xx\"}"), 6);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_requests_total{entrypoint=\"web\",code=\"4xx\"}"), 1);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_received_bytes_total{entrypoint=\"web\"}"), 12);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_sent_bytes_total{entrypoint=\"web\"}") >= 24, true);
  EXPECT_EQ(proxy.metric("gatehouse_service_requests_total{service=\"test/service:80\",code=\"2xx\"}"), 6);
  EXPECT_EQ(proxy.metric("gatehouse_service_connects_total{service=\"test/service:80\"}"), upstream.connections());
  EXPECT_EQ(proxy.metric("gatehouse_failures_total{reason=\"bad_request\"}"), 1);
  EXPECT_EQ(proxy.metric("gatehouse_snapshot_generation"), 1);
}

TEST(AdminPages, RoutesAreListed) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}), "a.example", "/x"), to(nullptr, "b.example")},
                        {tcp_to(service({upstream.endpoint()}), "HostSNI(`t.example`)", TcpTls::passthrough)}));
  const Message answer = proxy.ask_admin("/api/routes");
  EXPECT_EQ(answer.field("content-type"), "application/json");
  const auto listed = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(listed.at("generation"), 1);
  const auto& web = listed.at("entryPoints").at(0).as_object();
  EXPECT_EQ(web.at("name"), "web");
  EXPECT_EQ(web.at("http").at(0).at("host"), "a.example");
  EXPECT_EQ(web.at("http").at(0).at("path"), "/x");
  EXPECT_EQ(web.at("http").at(0).at("service").at("endpoints").at(0).as_string(), upstream.endpoint().text());
  EXPECT_TRUE(web.at("http").at(1).at("service").as_object().contains("missing"));
  EXPECT_EQ(web.at("tcp").at(0).at("rule"), "HostSNI(`t.example`)");
  EXPECT_EQ(web.at("tcp").at(0).at("tls"), "passthrough");
}

TEST(ExchangeRecord, SaysEverything) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}), "a.example")}));
  RawPeer client = proxy.connect("web", 0, "127.0.0.5");
  client.send(
      "POST /a%20b?c=d HTTP/1.1\r\nHost: A.example\r\nContent-Length: 5\r\nUser-Agent: t \"quoted\"\r\nReferer: "
      "http://r/\r\n\r\nhello");
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes");
  EXPECT_EQ(client.read_message().status(), 201);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("kind"), "http");
  EXPECT_EQ(line.at("entryPoint"), "web");
  EXPECT_EQ(line.at("client"), "127.0.0.5");
  EXPECT_EQ(line.at("method"), "POST");
  EXPECT_EQ(line.at("host"), "A.example");
  EXPECT_EQ(line.at("target"), "/a%20b?c=d");
  EXPECT_EQ(line.at("protocol"), "HTTP/1.1");
  EXPECT_EQ(line.at("scheme"), "http");
  EXPECT_EQ(line.at("status"), 201);
  EXPECT_EQ(line.at("bytesIn"), 5);
  EXPECT_EQ(line.at("bytesOut"), 3);
  EXPECT_EQ(line.at("route"), "route a.example/");
  EXPECT_EQ(line.at("service"), "test/service:80");
  EXPECT_EQ(line.at("endpoint").as_string(), upstream.endpoint().text());
  EXPECT_EQ(line.at("attempts"), 1);
  EXPECT_EQ(line.at("userAgent"), "t \"quoted\"");
  EXPECT_EQ(line.at("referer"), "http://r/");
  EXPECT_GE(line.at("durationMs").as_double(), 0.0);
  EXPECT_TRUE(line.at("time").as_string().ends_with("Z"));
  EXPECT_FALSE(line.contains("failure"));
}

TEST(ExchangeRecord, CommonLogFormat) {
  AnsweringUpstream upstream("four");
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}), {.format = AccessLogFormat::common});
  proxy.ask(get("/x"));
  const std::string line = proxy.log_text();
  EXPECT_TRUE(line.starts_with("127.0.0.1 - - [")) << line;
  EXPECT_NE(line.find("\"GET /x HTTP/1.1\" 200 4 "), std::string::npos) << line;
}

}  // namespace
}  // namespace gatehouse
