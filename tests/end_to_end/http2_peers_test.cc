// Real peers on both sides of the program's HTTP/2: curl, nghttp, h2load and gRPC's own client by TLS; nghttpd and
// gRPC's own server as upstreams without TLS, said by the port's appProtocol or by the annotation.
#include "tests/doubles/missing.h"
#include "tests/doubles/proxy/grpc_calls.h"
#include "tests/doubles/proxy/program.h"
#include "tests/end_to_end/cluster_bench.h"

#include <fstream>

namespace gatehouse::end_to_end {
namespace {

constexpr std::string_view doubles = GATEHOUSE_SOURCE_DIR "/tests/doubles/proxy/";

Endpoint local(int port) { return {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)}; }

// With `more` behind the first `place`.
std::string with(std::string text, std::string_view place, std::string_view more) {
  return text.insert(text.find(place) + place.size(), more);
}

std::string of_protocol(const std::string& service, std::string_view protocol) {
  return with(service, "ports: [{", "appProtocol: " + std::string(protocol) + ", ");
}

std::string annotated(const std::string& service, std::string_view scheme) {
  return with(service, "metadata: {",
              "annotations: {traefik.ingress.kubernetes.io/service.serversscheme: " + std::string(scheme) + "}, ");
}

class Http2Peers : public ClusterBench {
 protected:
  void SetUp() override {
    for (int i = 0; i < 100'000; ++i) content_ += std::to_string(i);
    std::ofstream(root_ / "large.txt") << content_;
    std::ofstream(root_ / "small.txt") << "small";
    const std::vector<std::string> words{"/usr/sbin/nghttpd", "--no-tls", "--address=127.0.0.1",
                                         "--htdocs=" + root_.path().string(), std::to_string(port_.number())};
    nghttpd_ = std::make_unique<acme::ChildProcess>(words, std::map<std::string, std::string>(), root_ / "nghttpd.log");
    const Endpoint files = local(port_.number());
    api_.apply(tls_secret_text({"shop", "tls"}, "localhost") +
               of_protocol(service_text({"shop", "files"}, files), "kubernetes.io/h2c") +
               ingress_text({"shop", "files"}, "localhost", "files", "tls") +
               annotated(service_text({"shop", "annotated"}, files), "h2c") +
               ingress_text({"shop", "annotated"}, "annotated.test", "annotated"));
  }
  void start() {
    running_ = ready_gatehouse();
    ASSERT_TRUE(comes([&] { return running_->body("localhost", "/small.txt") == "small"; })) << running_->log();
  }
  std::string url(const std::string& path) const {
    return "https://localhost:" + std::to_string(running_->websecure().port) + path;
  }

  const HeldPort port_;
  std::string content_;
  std::unique_ptr<acme::ChildProcess> nghttpd_;
  std::unique_ptr<GatehouseProcess> running_;
};

TEST_F(Http2Peers, curl_gets_what_nghttpd_has_by_either_version) {
  start();
  const auto came = (root_ / "came").string();
  for (const auto& [option, version] : {std::pair("--http2", "2 200"), std::pair("--http1.1", "1.1 200")}) {
    const Outcome curl =
        run_program({"curl", "-sSk", option, "-o", came, "-w", "%{http_version} %{response_code}", url("/large.txt")},
                    root_.path());
    EXPECT_EQ(curl.text, version);
    EXPECT_TRUE((std::stringstream() << std::ifstream(came).rdbuf()).str() == content_) << option;
  }
}

TEST_F(Http2Peers, an_annotation_says_h2c_too) {
  start();
  EXPECT_TRUE(comes([&] { return running_->body("annotated.test", "/small.txt") == "small"; })) << running_->log();
}

TEST_F(Http2Peers, nghttp_gets_it) {
  start();
  const Outcome nghttp = run_program({"nghttp", "--no-verify-peer", url("/large.txt")}, root_.path());
  EXPECT_EQ(nghttp.status, 0);
  EXPECT_TRUE(nghttp.text == content_) << nghttp.text.substr(0, 1000);
}

TEST_F(Http2Peers, h2load_gets_all_its_answers) {
  start();
  for (const char* path : {"/small.txt", "/large.txt"}) {
    const Outcome load = run_program({"h2load", "-n", "500", "-c", "10", "-m", "20", url(path)}, root_.path());
    EXPECT_NE(load.text.find("Application protocol: h2\n"), std::string::npos);
    EXPECT_NE(load.text.find("500 done, 500 succeeded, 0 failed, 0 errored, 0 timeout"), std::string::npos)
        << load.text;
  }
}

// Python's and C++'s have the core in common, and each its own flow control and threads around it.
struct GrpcPeers : Http2Peers {
  // What the client says of its calls to the server.
  void calls_go_through(std::vector<std::string> server_words, std::vector<std::string> client_words) {
    Program server(std::move(server_words));
    const std::string port = server.line();
    ASSERT_FALSE(port.empty());
    api_.apply(tls_secret_text({"shop", "echo-tls"}, "a.example") +
               of_protocol(service_text({"shop", "echo"}, local(std::stoi(port))), "grpc") +
               ingress_text({"shop", "echo"}, "a.example", "echo", "echo-tls"));
    start();
    ASSERT_TRUE(comes([&] { return running_->get("a.example").has("grpc-status"); }))
        << running_->get("a.example").head;
    client_words.push_back(running_->websecure().text());
    client_words.push_back(root_.write("trusted.pem", shown_certificate(running_->websecure(), "a.example")));
    EXPECT_EQ(Program(std::move(client_words)).all(), good_grpc_calls("Method not found!"));
  }
};

TEST_F(GrpcPeers, calls_of_every_kind_in_python) {
  calls_go_through({"/usr/bin/python3", std::string(doubles) + "grpc_server.py"},
                   {"/usr/bin/python3", std::string(doubles) + "grpc_client.py"});
}

TEST_F(GrpcPeers, calls_of_every_kind_in_cpp) {
  const std::string peer = GATEHOUSE_GRPC_PEER;
  if (peer.empty()) GTEST_SKIP() << missing("libgrpc++-dev");
  calls_go_through({peer, "serve"}, {peer, "call"});
}

}  // namespace
}  // namespace gatehouse::end_to_end
