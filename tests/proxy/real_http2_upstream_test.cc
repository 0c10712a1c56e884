// Real peers on both sides of HTTP/2 upstreams: gRPC's own client and server, nghttpd, curl.
#include "tests/doubles/proxy/grpc_calls.h"
#include "tests/doubles/proxy/http2_upstreams.h"
#include "tests/doubles/proxy/program.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>

#include <optional>

namespace gatehouse {
namespace {

using namespace h2;

constexpr std::string_view doubles = GATEHOUSE_SOURCE_DIR "/tests/doubles/proxy/";

Endpoint local(const std::string& port) {
  return {asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(std::stoi(port))};
}

// nghttpd, which speaks HTTP/2 alone, with one file: /large.txt.
class Nghttpd {
 public:
  explicit Nghttpd(std::string_view content, bool over_tls = false) : port_(std::to_string(free_port())) {
    folder_.write("large.txt", content);
    // It says when it listens only if it says everything.
    std::vector<std::string> words = {"/usr/sbin/nghttpd", "--verbose", "--address=127.0.0.1",
                                      "--htdocs=" + folder_.path().string()};
    if (!over_tls) words.push_back("--no-tls");
    words.push_back(port_);
    if (over_tls) {
      const auto certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
      words.push_back(folder_.write("key", certificate->key_pem()).string());
      words.push_back(folder_.write("certificate", certificate->pem()).string());
    }
    program_.emplace(std::move(words));
    EXPECT_EQ(program_->line(), "IPv4: listen 127.0.0.1:" + port_);
    program_->stop_listening();
  }
  Endpoint endpoint() const { return local(port_); }

 private:
  TemporaryDirectory folder_;
  const std::string port_;
  std::optional<Program> program_;
};

TEST(RealHttp2Upstreams, GrpcCallsOfEveryKind) {
  Program server({"/usr/bin/python3", std::string(doubles) + "grpc_server.py"});
  const std::string port = server.line();
  ASSERT_FALSE(port.empty());
  TestProxy proxy(cleartext({to(h2c(local(port)), "", "/test.Echo")}));
  Program client({"/usr/bin/python3", std::string(doubles) + "grpc_client.py", proxy.address("web").text()});
  EXPECT_EQ(client.all(), good_grpc_calls("no route matches"));
}

TEST(RealHttp2Upstreams, FilesOfNghttpd) {
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += std::to_string(i);
  const Nghttpd server(content);
  TestProxy proxy(cleartext({to(h2c(server.endpoint()))}));
  const std::string url = "http://" + proxy.address("web").text() + "/large.txt";
  for (const char* version : {"--http1.1", "--http2-prior-knowledge"}) {
    Program curl({"/usr/bin/curl", "-sS", version, url});
    EXPECT_TRUE(curl.all() == content) << version;
  }
  Program head({"/usr/bin/curl", "-sSI", "--http2-prior-knowledge", url});
  EXPECT_NE(head.all().find("content-length: " + std::to_string(content.size())), std::string::npos);
}

// It closes where HTTP/2 is not agreed on. The client hears why there is no WebSocket, and other requests are served.
TEST(RealHttp2Upstreams, AWebSocketToWhoSpeaksHttp2Alone) {
  const Nghttpd server("content", true);
  TestProxy proxy(cleartext({to(https(server.endpoint()))}));
  EXPECT_EQ(proxy.ask(websocket_request()).status(), 502);
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "upgrade_refused");
  EXPECT_EQ(proxy.ask(gatehouse::get("/large.txt")).body, "content");
}

}  // namespace
}  // namespace gatehouse
