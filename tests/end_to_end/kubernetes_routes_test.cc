// What kubectl puts into a cluster is live: the old tutorial's route for SSH, GitLab's chart.
#include "tests/doubles/missing.h"
#include "tests/end_to_end/cluster_bench.h"
#include "tests/end_to_end/secure_shell.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

std::string file_text(const std::filesystem::path& path) {
  return (std::stringstream() << std::ifstream(path).rdbuf()).str();
}

class TutorialOf : public ClusterBench, public ::testing::WithParamInterface<const char*> {
 protected:
  bool open(const GatehouseProcess& gatehouse) const {
    try {
      RawPeer peer = RawPeer::connect(gatehouse.ssh());
      constexpr int patience_ms = 300;  // without a route it waits for a request
      return peer.readable_within(patience_ms) && peer.read_until("\n").starts_with("SSH-2.0-");
    } catch (const std::runtime_error&) {
      return false;
    }
  }
};

TEST_P(TutorialOf, the_ssh_route_is_live_when_kubectl_has_applied_it_and_a_session_outlives_it) {
  if (!SecureShell::installed()) GTEST_SKIP() << missing("ssh");
  const SecureShell shell;
  const auto gatehouse = ready_gatehouse();
  apply(service_text({"gitlab", "shell"}, shell.endpoint(), 22));
  ASSERT_FALSE(open(*gatehouse));

  apply(shell_route_text(GetParam(), {"gitlab", "ssh"}, "shell"));
  EXPECT_TRUE(comes([&] { return open(*gatehouse); }, std::chrono::seconds(5)));
  const auto done = root_ / "done", go_on = root_ / "go-on";
  const auto session = shell.session(
      gatehouse->ssh(), "echo begun; until test -e " + go_on.string() + "; do sleep 0.02; done; echo over", done);
  ASSERT_TRUE(comes([&] { return file_text(done) == "begun\n"; })) << file_text(done) << gatehouse->log();

  EXPECT_EQ(kubectl("delete -n gitlab --wait=false ingressroutetcps." + std::string(GetParam()) + " ssh").status, 0);
  EXPECT_TRUE(comes([&] { return !open(*gatehouse); }, std::chrono::seconds(5)));
  root_.write("go-on", "");
  EXPECT_EQ(session->ended_within(std::chrono::seconds(20)), 0);
  EXPECT_EQ(file_text(done), "begun\nover\n");
}

INSTANTIATE_TEST_SUITE_P(Kubernetes, TutorialOf, ::testing::Values("traefik.io", "traefik.containo.us"),
                         [](const auto& group) {
                           return std::string(group.param) == "traefik.io" ? "traefik_io" : "traefik_containo_us";
                         });

// A line of the golden file's routes: words without the layout.
std::string words_of(const std::string& text) {
  std::istringstream all(text);
  std::string line;
  for (std::string word; all >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::string service_words(const boost::json::value& service) {
  if (const auto* missing = service.as_object().if_contains("missing"))
    return "503 " + std::string(missing->as_string());
  std::string endpoints;
  for (const auto& endpoint : service.at("endpoints").as_array())
    endpoints += (endpoints.empty() ? "" : ", ") + std::string(endpoint.as_string());
  return std::string(service.at("name").as_string()) + " [" + endpoints + "]";
}

std::string route_words(const boost::json::value& route) {
  const auto text = [&](const char* key) { return std::string(route.at(key).as_string()); };
  std::string kind = text("pathType");
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool tls_only = route.as_object().contains("tlsOnly");
  return words_of(text("host") + " " + kind + " " + text("path") + (tls_only ? " tls" : "") + " → " +
                  service_words(route.at("service")) + " " + text("name"));
}

std::set<std::string> shown(const boost::json::value& entry_points) {
  std::set<std::string> lines;
  for (const auto& entry_point : entry_points.as_array()) {
    const std::string name(entry_point.at("name").as_string());
    for (const auto& route : entry_point.at("http").as_array()) lines.insert(name + ": " + route_words(route));
    for (const auto& route : entry_point.at("tcp").as_array())
      lines.insert(name + ": " + std::string(route.at("rule").as_string()) + " → " +
                   service_words(route.at("services").at(0)) + " " + std::string(route.at("name").as_string()));
  }
  return lines;
}

// The lines of `=== routes`; of a TCP route without priority, kind and PROXY protocol, which /api/routes has not.
std::set<std::string> expected(const std::string& golden) {
  std::set<std::string> lines;
  std::istringstream all(golden.substr(golden.find("=== routes\n") + 11));
  std::string entry_point;
  for (std::string line; std::getline(all, line) && !line.starts_with("===");) {
    if (line.ends_with(':')) {
      entry_point = line + " ";
      continue;
    }
    for (const std::string left_out : {"-1  plain  ", "proxy-v2  "})
      if (const auto at = line.find(left_out); at != std::string::npos) line.erase(at, left_out.size());
    // There a service without endpoints is one.
    if (const auto at = line.find(" has no ready endpoint"); at != std::string::npos)
      line.replace(at, 22, " []").erase(line.find("503 "), 4);
    lines.insert(entry_point + words_of(line));
  }
  return lines;
}

using Kubernetes = ClusterBench;

TEST_F(Kubernetes, the_objects_of_gitlabs_chart_give_their_routes) {
  const auto golden = file_text(GATEHOUSE_SOURCE_DIR "/tests/golden/ingress/cluster_gitlab_chart.yaml");
  GatehouseProcess::Settings settings;
  settings.kubernetes = "controllers: [traefik.io/ingress-controller]";
  settings.ssh_name = "gitlab-shell";
  const auto gatehouse = ready_gatehouse(settings);
  std::string objects = golden.substr(0, golden.find("=== settings"));
  const auto deployment = objects.find("apiVersion: apps/v1");  // the double has no such kind
  objects.erase(deployment, objects.find("---\n", deployment) + 4 - deployment);
  api_.apply(objects);
  EXPECT_TRUE(comes([&] { return shown(gatehouse->routes()) == expected(golden); }, std::chrono::seconds(10)));
  const auto are = shown(gatehouse->routes()), should_be = expected(golden);
  for (const auto& line : should_be) EXPECT_TRUE(are.contains(line)) << "is not there: " << line;
  for (const auto& line : are) EXPECT_TRUE(should_be.contains(line)) << "is too much: " << line;
}

TEST_F(Kubernetes, changes_of_every_object_on_the_way_are_followed) {
  const AnsweringUpstream one("one"), other("other");
  const auto gatehouse = ready_gatehouse();
  apply(service_text({"shop", "web"}, one.endpoint()) + ingress_text({"shop", "web"}, "shop.test", "web"));
  EXPECT_TRUE(comes([&] { return gatehouse->body("shop.test") == "one"; })) << gatehouse->problems();
  apply(service_text({"shop", "web"}, other.endpoint()));
  EXPECT_TRUE(comes([&] { return gatehouse->body("shop.test") == "other"; }));
  apply(ingress_text({"shop", "web"}, "store.test", "web"));
  EXPECT_TRUE(comes([&] { return gatehouse->body("store.test") == "other"; }));
  EXPECT_EQ(gatehouse->get("shop.test").status(), 404);
  EXPECT_EQ(kubectl("delete -n shop --wait=false endpointslice web-1").status, 0);
  EXPECT_TRUE(comes([&] { return gatehouse->get("store.test").status() == 503; }));
  EXPECT_EQ(kubectl("delete -n shop --wait=false ingress web").status, 0);
  EXPECT_TRUE(comes([&] { return gatehouse->get("store.test").status() == 404; }));
}

}  // namespace
}  // namespace gatehouse::end_to_end
