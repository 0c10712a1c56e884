// The API server for tests as a program, for benchmarks and end-to-end tests: says where it listens, optionally fills
// itself with objects, changes them at a rate, and lives until it is ended or its standard input is closed.
#include "tests/doubles/kubernetes/api_server.h"

#include <CLI/CLI.hpp>

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
  std::size_t ingresses = 0, services = 0, endpoints_each = 10;
  double changes = 0;  // a second
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
  app.add_option("--changes", wanted.changes, "endpoint changes per second");
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
std::string slice(std::size_t number, std::size_t endpoints, std::size_t turn) {
  const std::string name = "s" + std::to_string(number);
  std::string text = R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"namespace":"made-up",)"
                     R"("name":")" +
                     name + R"(-a","labels":{"kubernetes.io/service-name":")" + name +
                     R"("}},"addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],"endpoints":[)";
  for (std::size_t i = 0; i < endpoints; ++i) {
    const std::size_t host = (number * endpoints + i + turn) % (250 * 250 * 100);
    text += std::string(i > 0 ? "," : "") + R"({"addresses":["10.)" + std::to_string(100 + host / 62500) + "." +
            std::to_string(host / 250 % 250) + "." + std::to_string(host % 250 + 1) +
            R"("],"conditions":{"ready":true,"serving":true,"terminating":false},"targetRef":{"kind":"Pod","name":")" +
            name + "-" + std::to_string(i) + R"("}})";
  }
  return text + "]}";
}

std::string ingress(std::size_t number, std::size_t services) {
  const std::string host = "h" + std::to_string(number) + ".example.com";
  return R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"namespace":"made-up","name":"i)" +
         std::to_string(number) + R"("},"spec":{"ingressClassName":"gatehouse","rules":[{"host":")" + host +
         R"(","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s)" +
         std::to_string(services > 0 ? number % services : 0) + R"(","port":{"name":"http"}}}}]}}]}})";
}

void fill(fake::ApiServer& server, const Wanted& wanted) {
  for (const auto& path : wanted.manifests) server.apply((std::stringstream() << std::ifstream(path).rdbuf()).str());
  for (std::size_t i = 0; i < wanted.services; ++i) {
    server.apply(service(i));
    server.apply(slice(i, wanted.endpoints_each, 0));
  }
  for (std::size_t i = 0; i < wanted.ingresses; ++i) server.apply(ingress(i, wanted.services));
}

void keep_changing(fake::ApiServer& server, const Wanted& wanted, const std::atomic<bool>& over) {
  auto next = std::chrono::steady_clock::now();
  const auto step =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(1 / wanted.changes));
  for (std::size_t turn = 1; !over; ++turn) {
    server.apply(slice(turn % wanted.services, wanted.endpoints_each, turn));
    std::this_thread::sleep_until(next += step);
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
  std::atomic<bool> over = false;
  std::thread changes;
  if (wanted.changes > 0 && wanted.services > 0) changes = std::thread([&] { keep_changing(server, wanted, over); });
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  over = true;
  if (changes.joinable()) changes.join();
}
