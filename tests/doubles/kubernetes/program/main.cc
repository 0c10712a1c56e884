// The API server for tests as a program, for benchmarks and end-to-end tests: says where it listens, optionally fills
// itself with objects, changes them as often a second as the numbers on its standard input say, and lives until it is
// ended or that is closed.
#include "tests/doubles/kubernetes/api_server.h"
#include "tls/certificate.h"
#include "tls/internal_ca.h"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

namespace fake = gatehouse::kubernetes::fake;

namespace {

struct Wanted {
  fake::Options server;
  std::string token, kubeconfig;
  std::vector<std::string> manifests;
  std::size_t ingresses = 0, services = 0, endpoints_each = 10, certificates = 0;
  unsigned network = 10;
};

Wanted parse(int argc, char** argv) {
  Wanted wanted;
  CLI::App app("A Kubernetes API server for tests");
  app.add_option("--port", wanted.server.port, "0: any free one");
  app.add_flag("--https", wanted.server.https);
  app.add_flag("--managed-fields", wanted.server.managed_fields);
  app.add_option("--token", wanted.token, "the bearer token that is let in; else everybody is");
  app.add_option("--kubeconfig", wanted.kubeconfig, "the file to write the kubeconfig to");
  app.add_option("--ingresses", wanted.ingresses, "made up, over the services");
  app.add_option("--services", wanted.services, "made up, in namespace made-up");
  app.add_option("--endpoints", wanted.endpoints_each, "of each made-up service")->check(CLI::Range(0, 1000));
  app.add_option("--network", wanted.network, "the first byte of their addresses; at 127 nobody answers")
      ->check(CLI::Range(1, 127));
  app.add_option("--certificates", wanted.certificates, "so many of the Ingresses have a P-256 one of their own");
  app.add_option("manifests", wanted.manifests, "files of objects to begin with")->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  if (!wanted.token.empty()) wanted.server.tokens = {wanted.token};
  wanted.server.keep_requests = false;
  wanted.server.history = 20'000;
  return wanted;
}

std::string service(std::size_t number) {
  const std::string name = "s" + std::to_string(number);
  return R"({"apiVersion":"v1","kind":"Service","metadata":{"namespace":"made-up","name":")" + name +
         R"("},"spec":{"ports":[{"name":"http","port":80,"targetPort":8080}],"selector":{"app":")" + name + R"("}}})";
}

// `turn` moves the addresses, so that it is another object each time.
std::string slice(std::size_t number, const Wanted& wanted, std::size_t turn) {
  const std::size_t endpoints = wanted.endpoints_each;
  const std::string name = "s" + std::to_string(number);
  std::string text = R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"namespace":"made-up",)"
                     R"("name":")" +
                     name + R"(-a","labels":{"kubernetes.io/service-name":")" + name +
                     R"("}},"addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],"endpoints":[)";
  for (std::size_t i = 0; i < endpoints; ++i) {
    const std::size_t host = (number * endpoints + i + turn) % (250 * 250 * 100);
    text += std::string(i > 0 ? "," : "") + R"({"addresses":[")" + std::to_string(wanted.network) + "." +
            std::to_string(100 + host / 62500) + "." + std::to_string(host / 250 % 250) + "." +
            std::to_string(host % 250 + 1) +
            R"("],"conditions":{"ready":true,"serving":true,"terminating":false},"targetRef":{"kind":"Pod","name":")" +
            name + "-" + std::to_string(i) + R"("}})";
  }
  return text + "]}";
}

std::string host_of(std::size_t number) { return "h" + std::to_string(number) + ".example.com"; }

std::string secret(std::size_t number) {
  const auto made = gatehouse::tls::make_self_signed({gatehouse::HostName::parse(host_of(number)).value()},
                                                     std::chrono::system_clock::now());
  const auto text = [](const std::string& pem) { return boost::json::serialize(boost::json::string(pem)); };
  return R"({"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{"namespace":"made-up","name":"t)" +
         std::to_string(number) + R"("},"stringData":{"tls.crt":)" + text(made.value()->pem()) + R"(,"tls.key":)" +
         text(made.value()->key_pem()) + "}}";
}

std::string ingress(std::size_t number, const Wanted& wanted, const std::string& path) {
  const std::string host = host_of(number), name = std::to_string(number);
  const std::string tls = R"("tls":[{"hosts":[")" + host + R"("],"secretName":"t)" + name + R"("}],)";
  return R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"namespace":"made-up","name":"i)" + name +
         R"("},"spec":{"ingressClassName":"gatehouse",)" + (number < wanted.certificates ? tls : "") +
         R"("rules":[{"host":")" + host + R"(","http":{"paths":[{"path":")" + path +
         R"(","pathType":"Prefix","backend":{"service":{"name":"s)" +
         std::to_string(wanted.services > 0 ? number % wanted.services : 0) + R"(","port":{"name":"http"}}}}]}}]}})";
}

void fill(fake::ApiServer& server, const Wanted& wanted) {
  for (const auto& path : wanted.manifests) server.apply((std::stringstream() << std::ifstream(path).rdbuf()).str());
  for (std::size_t i = 0; i < wanted.services; ++i) {
    server.apply(service(i));
    server.apply(slice(i, wanted, 0));
  }
  for (std::size_t i = 0; i < wanted.ingresses; ++i) server.apply(ingress(i, wanted, "/"));
  for (std::size_t i = 0; i < wanted.certificates; ++i) server.apply(secret(i));
}

// At the rate, in changes a second: endpoints move, and every other time an Ingress's path. Not negative: until then.
void keep_changing(fake::ApiServer& server, const Wanted& wanted, const std::atomic<double>& rate) {
  auto next = std::chrono::steady_clock::now();
  for (std::size_t turn = 1; rate >= 0;) {
    const double now = rate;
    next +=
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(now > 0 ? 1 / now : 0.01));
    std::this_thread::sleep_until(next);
    if (now <= 0) continue;
    if (turn % 2 == 1 && wanted.ingresses > 0)
      server.apply(ingress(turn % wanted.ingresses, wanted, "/turn-" + std::to_string(turn)));
    else
      server.apply(slice(turn % wanted.services, wanted, turn));
    ++turn;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Wanted wanted = parse(argc, argv);
  fake::ApiServer server(wanted.server);
  fill(server, wanted);
  if (!wanted.kubeconfig.empty()) std::ofstream(wanted.kubeconfig) << server.kubeconfig();
  std::cout << server.url() << "\n";
  if (wanted.kubeconfig.empty()) std::cout << server.kubeconfig();
  std::cout.flush();
  std::atomic<double> rate = 0;
  std::thread changes;
  if (wanted.services > 0) changes = std::thread([&] { keep_changing(server, wanted, rate); });
  for (double said = 0; std::cin >> said;) rate = std::max(said, 0.0);
  rate = -1;
  if (changes.joinable()) changes.join();
}
