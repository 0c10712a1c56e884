// The chart's checked-in renderings (scripts/chart makes them): what an edge in a cluster has to be, whatever its
 // values.
#include "config/settings.h"
#include "tests/chart/rendering.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::chart {
namespace {

class EveryRendering : public testing::TestWithParam<std::string> {
 protected:
  const Rendering& it_ = rendering(GetParam());
};

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& one : renderings()) found.push_back(one.name());
  return found;
}

INSTANTIATE_TEST_SUITE_P(Chart, EveryRendering, testing::ValuesIn(names()),
                         [](const auto& parameter) { return parameter.param; });

// As the pod's program reads them: the ConfigMap, the environment, --set.
SettingsOrProblems settings_of(const Rendering& rendering) {
  SettingsSources sources;
  sources.file = rendering.name();
  sources.text = rendering.object("ConfigMap", "gatehouse")["data"]["gatehouse.yaml"].text();
  for (const Value& variable : rendering.container()["env"])
    if (variable["value"].given() || variable["valueFrom"].given())
      sources.environment.emplace(variable["name"].text(),
                                  variable["value"].given() ? variable["value"].text() : "from-the-pod");
  const auto arguments = texts(rendering.container()["args"]);
  for (std::size_t i = 1; i < arguments.size(); ++i)
    if (arguments[i - 1] == "--set") sources.set.push_back(arguments[i]);
  return load_settings(sources);
}

TEST_P(EveryRendering, IsYamlWithoutDoubledKeys) { EXPECT_EQ(it_.failures(), std::vector<std::string>()); }

TEST_P(EveryRendering, ItsObjectsHaveNamesOfTheirOwn) {
  std::set<std::string> seen;
  for (const Value& object : it_.all()) {
    EXPECT_FALSE(object["apiVersion"].text().empty()) << object.line();
    const auto metadata = object["metadata"];
    const std::string key = std::string(object["kind"].text()) + " " + std::string(metadata["namespace"].text()) + "/" +
                            std::string(metadata["name"].text());
    EXPECT_TRUE(seen.insert(key).second) << key;
  }
  EXPECT_GT(seen.size(), 5U);
}

TEST_P(EveryRendering, ItsConfigurationIsAccepted) {
  const auto loaded = settings_of(it_);
  for (const auto& problem : loaded.problems)
    if (problem.severity == Severity::error) ADD_FAILURE() << problem.text();
  EXPECT_TRUE(loaded.settings.has_value());
}

TEST_P(EveryRendering, ThePodRunsTheProgramOnThatFile) {
  const auto arguments = texts(it_.container()["args"]);
  ASSERT_GE(arguments.size(), 3U);
  EXPECT_EQ(arguments[0] + " " + arguments[1] + " " + arguments[2], "run --config /etc/gatehouse/gatehouse.yaml");
  EXPECT_FALSE(it_.container()["command"].given());
  EXPECT_EQ(named(it_.container()["volumeMounts"], "configuration")["mountPath"].text(), "/etc/gatehouse");
  EXPECT_EQ(named(it_.pod()["spec"]["volumes"], "configuration")["configMap"]["name"].text(), "gatehouse");
  EXPECT_EQ(it_.pod()["spec"]["enableServiceLinks"].text(), "false");
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/, restricted; and a read-only root besides.
TEST_P(EveryRendering, KeepsToRestrictedPodSecurity) {
  const auto spec = it_.pod()["spec"];
  const auto pod = spec["securityContext"];
  EXPECT_EQ(pod["runAsNonRoot"].text(), "true");
  EXPECT_EQ(pod["runAsUser"].text(), "65532");
  EXPECT_EQ(pod["seccompProfile"]["type"].text(), "RuntimeDefault");
  for (const char* key : {"hostNetwork", "hostPID", "hostIPC"}) EXPECT_FALSE(spec[key].given()) << key;
  for (const Value& volume : spec["volumes"])
    for (const Value& kind : volume)
      EXPECT_TRUE(std::set<std::string_view>({"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim"})
                      .contains(kind.key()))
          << kind.key();
  for (const Value& container : spec["containers"]) {
    const auto security = container["securityContext"];
    EXPECT_EQ(security["allowPrivilegeEscalation"].text(), "false");
    EXPECT_EQ(security["readOnlyRootFilesystem"].text(), "true");
    EXPECT_EQ(texts(security["capabilities"]["drop"]), std::vector<std::string>{"ALL"});
    EXPECT_FALSE(security["capabilities"]["add"].given());
    EXPECT_FALSE(security["privileged"].given());
  }
}

TEST_P(EveryRendering, TheKubeletAsksTheAdminEntryPoint) {
  const auto container = it_.container();
  EXPECT_EQ(container["readinessProbe"]["httpGet"]["path"].text(), "/ready");
  EXPECT_EQ(container["livenessProbe"]["httpGet"]["path"].text(), "/ping");
  EXPECT_EQ(container["startupProbe"]["httpGet"]["path"].text(), "/ping");
  for (const char* probe : {"readinessProbe", "livenessProbe", "startupProbe"})
    EXPECT_EQ(container[probe]["httpGet"]["port"].text(), "admin");
}

// Each entry point listens on the container port that has its name, cut to what a port's name may be.
TEST_P(EveryRendering, EntryPointsAreTheContainersPorts) {
  const auto loaded = settings_of(it_);
  ASSERT_TRUE(loaded.settings);
  std::map<std::string, std::string> listened;
  for (const auto& entry_point : loaded.settings->entry_points)
    listened[entry_point.name.substr(0, 15)] = std::to_string(entry_point.listen.addresses.at(0).port);
  std::map<std::string, std::string> opened;
  for (const Value& port : it_.container()["ports"]) opened.emplace(port["name"].text(), port["containerPort"].text());
  EXPECT_EQ(listened, opened);
}

TEST_P(EveryRendering, TheServiceLeadsToPortsThatAreThere) {
  const auto service = it_.object("Service", "gatehouse")["spec"];
  for (const Value& port : service["ports"]) {
    EXPECT_TRUE(named(it_.container()["ports"], port["targetPort"].text()).given()) << port["name"].text();
    EXPECT_EQ(port["protocol"].text(), "TCP");
    EXPECT_NE(port["targetPort"].text(), "admin");
  }
}

TEST_P(EveryRendering, SelectorsFindThePods) {
  const auto labels = pairs(it_.pod()["metadata"]["labels"]);
  std::vector<Value> selectors{it_.workload()["spec"]["selector"]["matchLabels"]};
  for (const Value& service : it_.of_kind("Service")) selectors.push_back(service["spec"]["selector"]);
  for (const Value& budget : it_.of_kind("PodDisruptionBudget"))
    selectors.push_back(budget["spec"]["selector"]["matchLabels"]);
  for (const Value& policy : it_.of_kind("NetworkPolicy"))
    selectors.push_back(policy["spec"]["podSelector"]["matchLabels"]);
  for (const Value& selector : selectors) {
    EXPECT_EQ(pairs(selector).size(), 2U);
    for (const auto& [key, value] : pairs(selector)) {
      ASSERT_TRUE(labels.contains(key));
      EXPECT_EQ(labels.at(key), value);
    }
  }
}

// Killed only after it had the time to finish what it has.
TEST_P(EveryRendering, ThePodLivesLongerThanItsDrain) {
  const auto loaded = settings_of(it_);
  ASSERT_TRUE(loaded.settings);
  const std::chrono::seconds period(std::stol(std::string(it_.pod()["spec"]["terminationGracePeriodSeconds"].text())));
  for (const auto& entry_point : loaded.settings->entry_points) {
    const auto drain = entry_point.life_cycle.request_accept_grace + entry_point.life_cycle.grace;
    EXPECT_GT(period, drain) << entry_point.name;
  }
}

TEST_P(EveryRendering, ARolloutTakesNoPodBeforeAnotherIsReady) {
  const auto strategy = it_.object("Deployment", "gatehouse")["spec"]["strategy"];
  if (!strategy.given()) return;  // a DaemonSet's pods may hold their nodes' ports
  const bool on_a_volume = named(it_.pod()["spec"]["volumes"], "state")["persistentVolumeClaim"].given();
  EXPECT_EQ(strategy["type"].text(), on_a_volume ? "Recreate" : "RollingUpdate");
  const std::string_view unavailable = strategy["rollingUpdate"]["maxUnavailable"].text();
  EXPECT_EQ(unavailable, on_a_volume ? "" : "0");
}

TEST(ChartTest, EveryFileOfValuesIsRendered) {
  const auto stems = [](const std::string& folder) {
    std::set<std::string> found;
    for (const auto& path : yaml_files(folder)) found.insert(path.stem().string());
    return found;
  };
  EXPECT_EQ(stems("deploy/helm/values"), stems("deploy/helm/rendered"));
}

TEST(ChartTest, TheTutorialsValuesGivePorts80And443And22) {
  std::map<std::string, std::string> ports;
  for (const Value& port : rendering("tutorial").object("Service", "gatehouse")["spec"]["ports"])
    ports.emplace(port["port"].text(), port["targetPort"].text());
  EXPECT_EQ(ports, (std::map<std::string, std::string>{{"80", "web"}, {"443", "websecure"}, {"22", "ssh"}}));
  EXPECT_EQ(named(rendering("tutorial").container()["ports"], "ssh")["containerPort"].text(), "2222");
  EXPECT_EQ(rendering("tutorial").object("Service", "gatehouse")["spec"]["type"].text(), "LoadBalancer");
}

TEST(ChartTest, TheTutorialsValuesTurnOnTlsAndStatus) {
  const auto loaded = settings_of(rendering("tutorial"));
  ASSERT_TRUE(loaded.settings);
  ASSERT_NE(loaded.settings->entry_point("websecure"), nullptr);
  EXPECT_TRUE(loaded.settings->entry_point("websecure")->tls);
  ASSERT_TRUE(loaded.settings->kubernetes);
  EXPECT_EQ(loaded.settings->kubernetes->reports.published_service, "gatehouse/gatehouse");
}

// SSH's server speaks first: no HTTP route may land on its port, which would make it wait for the client.
TEST(ChartTest, RoutesWithoutEntryPointDoNotLandOnTheSshPort) {
  const auto loaded = settings_of(rendering("tutorial"));
  ASSERT_TRUE(loaded.settings);
  EXPECT_TRUE(loaded.settings->entry_point("web")->as_default);
  EXPECT_TRUE(loaded.settings->entry_point("websecure")->as_default);
  EXPECT_FALSE(loaded.settings->entry_point("ssh")->as_default);
}

TEST(ChartTest, TheTutorialsNewerSpellingIsTheSame) {
  EXPECT_EQ(text_of(below_root("deploy/helm/rendered/tutorial.yaml")),
            text_of(below_root("deploy/helm/rendered/tutorial_as_map.yaml")));
}

// A redirect names the port that clients know, not the pod's.
TEST(ChartTest, EverySpellingOfARedirectIsUnderstood) {
  for (const char* name : {"traefik10", "traefik25", "traefik41", "one_replica"}) {
    const auto loaded = settings_of(rendering(name));
    ASSERT_TRUE(loaded.settings) << name;
    const auto& redirection = loaded.settings->entry_point("web")->redirection;
    ASSERT_TRUE(redirection) << name;
    EXPECT_EQ(redirection->to, ":443") << name;
  }
}

TEST(ChartTest, TraefiksFlagsBecomeSettings) {
  const auto loaded = settings_of(rendering("traefik10"));
  ASSERT_TRUE(loaded.settings);
  EXPECT_TRUE(loaded.settings->servers_transport.insecure_skip_verify);
  EXPECT_FALSE(loaded.settings->entry_point("web")->forwarded_headers.insecure);
  EXPECT_EQ(texts(rendering("traefik10").container()["args"]).size(), 3U + 6U);  // what is left out is left out
}

TEST(ChartTest, DefinitionsOfBothGroupsAreForTheTakingOver) {
  EXPECT_EQ(rendering("take_over").of_kind("CustomResourceDefinition").size(), 2U);
  EXPECT_EQ(rendering("default").of_kind("CustomResourceDefinition").size(), 1U);
  EXPECT_EQ(rendering("namespaced").of_kind("CustomResourceDefinition").size(), 0U);
}

TEST(ChartTest, AnotherClassIsTakenOverByAnIngressClassAndItsController) {
  const auto traefik = rendering("take_over").object("IngressClass", "traefik");
  EXPECT_EQ(traefik["spec"]["controller"].text(), "gatehouse.dev/ingress-controller");
  const auto loaded = settings_of(rendering("take_over"));
  ASSERT_TRUE(loaded.settings && loaded.settings->kubernetes);
  EXPECT_EQ(loaded.settings->kubernetes->ingress_classes, (std::vector<std::string>{"gatehouse", "traefik"}));
  EXPECT_EQ(loaded.settings->kubernetes->controllers,
            (std::vector<std::string>{"gatehouse.dev/ingress-controller", "traefik.io/ingress-controller"}));
}

}  // namespace
}  // namespace gatehouse::chart
