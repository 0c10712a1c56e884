// The rights the chart gives: all that Gatehouse needs, and nothing else.
#include "tests/chart/rendering.h"

#include <gtest/gtest.h>

namespace gatehouse::chart {
namespace {

using Rights = std::set<std::string>;  // `group/resource verb`, with ` (name)` where it is for one object only

Rights rights_of(const Value& role) {
  Rights rights;
  for (const Value& rule : role["rules"])
    for (const auto& group : texts(rule["apiGroups"]))
      for (const auto& resource : texts(rule["resources"]))
        for (const auto& verb : texts(rule["verbs"])) {
          const std::string right = group + "/" + resource + " " + verb;
          const auto objects = texts(rule["resourceNames"]);
          if (objects.empty()) rights.insert(right);
          for (const auto& object : objects) rights.insert(right + " (" + object + ")");
        }
  return rights;
}

Rights to_read(const std::string& resource, const std::string& suffix = "") {
  Rights rights;
  for (const char* verb : {"get", "list", "watch"}) rights.insert(resource + " " + verb + suffix);
  return rights;
}

Rights together(std::initializer_list<Rights> parts) {
  Rights all;
  for (const auto& part : parts) all.insert(part.begin(), part.end());
  return all;
}

const Rights routes = together({
    to_read("networking.k8s.io/ingresses"),
    to_read("traefik.io/ingressroutetcps"),
    to_read("traefik.containo.us/ingressroutetcps"),
    to_read("/services"),
    to_read("discovery.k8s.io/endpointslices"),
});
const Rights status = {"networking.k8s.io/ingresses/status patch"};
const Rights events = {"events.k8s.io/events create", "events.k8s.io/events patch"};

Rights to_lead_by(const std::string& name) {
  return {
      "coordination.k8s.io/leases create",
      "coordination.k8s.io/leases get (" + name + ")",
      "coordination.k8s.io/leases update (" + name + ")",
  };
}

Rights to_share(const std::string& secret) {
  const std::string suffix = " (" + secret + ")";
  return together({{"/secrets create", "/secrets update" + suffix, "/secrets patch" + suffix},  //
                   to_read("/secrets", suffix)});
}

const Rights lease = to_lead_by("gatehouse");
const Rights ticket_keys = to_share("gatehouse-ticket-keys");

// Every role is bound, in its own namespace, to the pod's ServiceAccount.
void expect_bound(const Rendering& rendering, const std::string& kind) {
  for (const Value& role : rendering.of_kind(kind)) {
    const auto name = role["metadata"]["name"].text();
    bool bound = false;
    for (const Value& binding : rendering.of_kind(kind + "Binding")) {
      if (binding["roleRef"]["name"].text() != name) continue;
      if (binding["metadata"]["namespace"].text() != role["metadata"]["namespace"].text()) continue;
      EXPECT_EQ(binding["roleRef"]["kind"].text(), kind);
      for (const Value& subject : binding["subjects"]) {
        EXPECT_EQ(subject["kind"].text(), "ServiceAccount");
        EXPECT_EQ(subject["name"].text(), rendering.pod()["spec"]["serviceAccountName"].text());
        EXPECT_EQ(subject["namespace"].text(), rendering.workload()["metadata"]["namespace"].text());
        bound = true;
      }
    }
    EXPECT_TRUE(bound) << rendering.name() << ": " << kind << " " << name;
  }
}

TEST(RightsTest, EveryRoleIsBound) {
  for (const auto& rendering : renderings()) {
    expect_bound(rendering, "Role");
    expect_bound(rendering, "ClusterRole");
    EXPECT_TRUE(rendering.object("ServiceAccount", "gatehouse").given());
  }
}

TEST(RightsTest, NothingIsGivenByAStar) {
  for (const auto& rendering : renderings())
    for (const char* kind : {"Role", "ClusterRole"})
      for (const Value& role : rendering.of_kind(kind))
        for (const auto& right : rights_of(role)) EXPECT_EQ(right.find('*'), std::string::npos) << right;
}

TEST(RightsTest, ClusterWideTheyAreWhatRoutesNeedAndSecretsToRead) {
  const auto role = rendering("default").object("ClusterRole", "gatehouse-gatehouse");
  EXPECT_EQ(rights_of(role),
            together({routes, to_read("networking.k8s.io/ingressclasses"), to_read("/secrets"), status, events}));
}

TEST(RightsTest, AtHomeTheyAreTheLeaseTheTicketKeysAndThePublishedService) {
  EXPECT_EQ(rights_of(rendering("default").object("Role", "gatehouse")),
            together({lease, ticket_keys, to_read("/services")}));
}

TEST(RightsTest, CertificatesInSecretsMayBeWrittenAtHomeOnly) {
  const auto& traefik25 = rendering("traefik25");
  Rights secrets = to_read("/secrets");
  for (const char* verb : {"create", "patch", "delete"}) secrets.insert(std::string("/secrets ") + verb);
  EXPECT_EQ(rights_of(traefik25.object("Role", "gatehouse")), together({lease, secrets, to_read("/services")}));
  EXPECT_FALSE(rights_of(traefik25.object("ClusterRole", "gatehouse-gatehouse")).contains("/secrets create"));
}

TEST(RightsTest, InNamespacesTheyAreRolesThere) {
  const auto& namespaced = rendering("namespaced");
  EXPECT_TRUE(namespaced.of_kind("ClusterRole").empty());
  Rights secrets;
  for (const char* name : {"gitlab-gitlab-tls", "gitlab-registry-tls", "gitlab-kas-tls"})
    secrets.merge(to_read("/secrets", std::string(" (") + name + ")"));
  std::set<std::string> namespaces;
  for (const Value& role : namespaced.of_kind("Role"))
    if (role["metadata"]["name"].text() == "gatehouse-routes") {
      namespaces.emplace(role["metadata"]["namespace"].text());
      EXPECT_EQ(rights_of(role), together({routes, secrets, status, events}));
    }
  EXPECT_EQ(namespaces, (std::set<std::string>{"gitlab", "gitlab-review"}));
}

TEST(RightsTest, InTheReleasesNamespaceIngressClassesMayBeAddedAlone) {
  const auto& own = rendering("own_namespace");
  EXPECT_EQ(rights_of(own.object("ClusterRole", "gatehouse-gatehouse")), to_read("networking.k8s.io/ingressclasses"));
  EXPECT_EQ(own.object("Role", "gatehouse-routes")["metadata"]["namespace"].text(), "gatehouse");
}

TEST(RightsTest, WhatIsTurnedOffNeedsNone) {
  const auto rights = rights_of(rendering("all_choices").object("ClusterRole", "gatehouse-gatehouse"));
  EXPECT_FALSE(rights.contains("events.k8s.io/events create"));
  const auto home = rights_of(rendering("all_choices").object("Role", "gatehouse"));
  EXPECT_FALSE(home.contains("/secrets create"));
}

// providers.kubernetes and config may name other objects than the chart does.
TEST(RightsTest, TheyFollowWhatTheSettingsName) {
  const auto& elsewhere = rendering("names_elsewhere");
  const auto in = [&](const char* role) { return elsewhere.object("Role", role)["metadata"]["namespace"].text(); };
  EXPECT_EQ(rights_of(elsewhere.object("Role", "gatehouse")),
            together({to_share("edge-sessions"), to_read("/services")}));
  EXPECT_EQ(rights_of(elsewhere.object("Role", "gatehouse-lease")), to_lead_by("edge-leader"));
  EXPECT_EQ(in("gatehouse-lease"), "edge-leases");
  EXPECT_EQ(rights_of(elsewhere.object("Role", "gatehouse-published-service")),
            to_read("/services", " (load-balancer)"));
  EXPECT_EQ(in("gatehouse-published-service"), "network");
  EXPECT_FALSE(rights_of(elsewhere.object("Role", "gatehouse-routes")).contains("events.k8s.io/events create"));
}

TEST(RightsTest, NoFurtherRoleIsMadeWithoutNeed) {
  for (const auto& rendering : renderings()) {
    if (rendering.name() == "names_elsewhere") continue;
    EXPECT_FALSE(rendering.object("Role", "gatehouse-lease").given()) << rendering.name();
    EXPECT_FALSE(rendering.object("Role", "gatehouse-published-service").given()) << rendering.name();
  }
}

}  // namespace
}  // namespace gatehouse::chart
