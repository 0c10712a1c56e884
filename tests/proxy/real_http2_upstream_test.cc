// Real peers on both sides of HTTP/2 upstreams: gRPC's own client and server, nghttpd, curl.
#include "tests/doubles/proxy/http2_peer.h"
#include "tests/doubles/proxy/program.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace gatehouse {
namespace {

using namespace h2;

constexpr std::string_view doubles = GATEHOUSE_SOURCE_DIR "/tests/doubles/proxy/";

Endpoint local(const std::string& port) {
  return {asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(std::stoi(port))};
}

ServicePtr h2c(const Endpoint& endpoint) {
  auto made = service({endpoint});
  made->speech = UpstreamSpeech::http2_in_clear;
  return made;
}

TEST(RealHttp2Upstreams, GrpcCallsOfEveryKind) {
  Program server({"/usr/bin/python3", std::string(doubles) + "grpc_server.py"});
  const std::string port = server.line();
  ASSERT_FALSE(port.empty());
  TestProxy proxy(cleartext({to(h2c(local(port)), "", "/test.Echo")}));
  Program client({"/usr/bin/python3", std::string(doubles) + "grpc_client.py", proxy.address("web").text()});
  EXPECT_EQ(client.all(),
            "unary echo hello OK unary\n"
            "large 3145733\n"
            "server stream 499500\n"
            "client stream 1000000\n"
            "both got one\n"
            "both got two\n"
            "both got three\n"
            "both end [] OK\n"
            "/test.Echo/Fail NOT_FOUND no such thing\n"
            "/test.Echo/Unknown UNIMPLEMENTED Method not found!\n"
            "/nowhere.Echo/Unary UNIMPLEMENTED no route matches\n"
            "cancelled yes\n");
}

TEST(RealHttp2Upstreams, FilesOfNghttpd) {
  TemporaryDirectory folder;
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += std::to_string(i);
  std::ofstream(folder / "large.txt") << content;
  const std::string port = std::to_string(free_port());
  // It says when it listens only if it says everything; so little that nobody need read it.
  Program server({"/usr/sbin/nghttpd", "--verbose", "--no-tls", "--address=127.0.0.1",
                  "--htdocs=" + folder.path().string(), port});
  ASSERT_EQ(server.line(), "IPv4: listen 127.0.0.1:" + port);
  TestProxy proxy(cleartext({to(h2c(local(port)))}));
  const std::string url = "http://" + proxy.address("web").text() + "/large.txt";
  for (const char* version : {"--http1.1", "--http2-prior-knowledge"}) {
    Program curl({"/usr/bin/curl", "-sS", version, url});
    EXPECT_TRUE(curl.all() == content) << version;
  }
  Program head({"/usr/bin/curl", "-sSI", "--http2-prior-knowledge", url});
  EXPECT_NE(head.all().find("content-length: " + std::to_string(content.size())), std::string::npos);
}

}  // namespace
}  // namespace gatehouse
