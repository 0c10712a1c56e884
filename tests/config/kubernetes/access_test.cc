// How to reach an API server: out of a pod's environment, a kubeconfig, or an endpoint in the settings.
#include "config/kubernetes/access.h"

#include "config/kubernetes/kubeconfig.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

std::string texts(const std::vector<Problem>& problems) {
  std::string all;
  for (const auto& problem : problems) all += problem.text() + "\n";
  return all;
}

class InCluster : public ::testing::Test {
 protected:
  InCluster() {
    folder.write("token", "secret\n");
    folder.write("ca.crt", "-----BEGIN CERTIFICATE-----\n");
    folder.write("namespace", "edge\n");
  }
  TemporaryDirectory folder;
  Environment environment{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
};

TEST_F(InCluster, takes_the_pods_environment_and_service_account) {
  const auto found = in_cluster(environment, folder.path());
  ASSERT_TRUE(found.access) << texts(found.problems);
  EXPECT_TRUE(found.problems.empty()) << texts(found.problems);
  EXPECT_EQ(found.access->server, "https://10.96.0.1:443");
  EXPECT_EQ(found.access->token, (TextOrFile{.file = (folder / "token").string()}));
  EXPECT_EQ(found.access->ca, (TextOrFile{.file = (folder / "ca.crt").string()}));
  EXPECT_EQ(found.access->own_namespace, "edge");
  EXPECT_FALSE(found.access->insecure);
}

TEST_F(InCluster, puts_an_ipv6_address_into_brackets) {
  environment["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  EXPECT_EQ(in_cluster(environment, folder.path()).access->server, "https://[fd00::1]:443");
  environment["KUBERNETES_SERVICE_HOST"] = "[fd00::1]";
  EXPECT_EQ(in_cluster(environment, folder.path()).access->server, "https://[fd00::1]:443");
}

TEST_F(InCluster, says_what_is_missing) {
  EXPECT_FALSE(in_cluster({}, folder.path()).access);
  std::filesystem::remove(folder / "token");
  const auto found = in_cluster(environment, folder.path());
  EXPECT_FALSE(found.access);
  EXPECT_NE(texts(found.problems).find("token: error: does not exist"), std::string::npos) << texts(found.problems);
  environment["KUBERNETES_SERVICE_PORT"] = "https";
  EXPECT_FALSE(in_cluster(environment, folder.path()).access);
}

TEST_F(InCluster, the_settings_come_first) {
  const auto plain = find_access({}, environment, folder.path());
  EXPECT_EQ(plain.access->server, "https://10.96.0.1:443");

  const auto endpoint = find_access({.endpoint = "https://api.example:6443/"}, environment, folder.path());
  ASSERT_TRUE(endpoint.access) << texts(endpoint.problems);
  EXPECT_EQ(endpoint.access->server, "https://api.example:6443");
  EXPECT_EQ(endpoint.access->token.file, (folder / "token").string());
  EXPECT_EQ(endpoint.access->ca.file, (folder / "ca.crt").string());
  EXPECT_EQ(endpoint.access->own_namespace, "edge");

  const AccessWishes whole{.endpoint = "https://api.example", .token = "own ", .cert_auth_file = "/ca.pem"};
  const auto own = find_access(whole, environment, folder.path());
  EXPECT_EQ(own.access->token, TextOrFile{"own"});
  EXPECT_EQ(own.access->ca.file, "/ca.pem");

  const auto file = folder.write("config", "{contexts: [], clusters: []}");
  const auto chosen = find_access({.kubeconfig = file.string(), .context = "c"}, environment, folder.path());
  EXPECT_NE(texts(chosen.problems).find("contexts has no 'c'"), std::string::npos) << texts(chosen.problems);
  const auto by_variable = find_access({}, {{"KUBECONFIG", file.string()}}, "/nowhere");
  EXPECT_NE(texts(by_variable.problems).find("no context is chosen"), std::string::npos);
  EXPECT_NE(texts(find_access({}, {}, "/nowhere").problems).find("no API server is known"), std::string::npos);
}

TEST_F(InCluster, a_token_goes_over_tls_or_to_this_machine_only) {
  const auto found = [&](std::string endpoint, std::string token) {
    return find_access({.endpoint = std::move(endpoint), .token = std::move(token)}, environment, folder.path());
  };
  for (const char* near :
       {"http://127.0.0.1:8001", "http://[::1]:8001", "http://localhost:8001", "https://far.example"})
    EXPECT_TRUE(found(near, "t").access) << near;
  for (const char* far :
       {"http://10.0.0.1:8001", "http://far.example", "http://localhost.far.example", "http://127.0.0.1.far.example"}) {
    EXPECT_FALSE(found(far, "t").access) << far;
    // The service account's token stays at home, too.
    const auto anonymous = found(far, "");
    ASSERT_TRUE(anonymous.access);
    EXPECT_FALSE(anonymous.access->token.given());
    EXPECT_EQ(anonymous.problems.at(0).severity, Severity::warning);
  }
  EXPECT_FALSE(found("far.example:6443", "").access);
  EXPECT_FALSE(found("https://far.example/?x=y", "").access);
}

constexpr const char* kubeconfig = R"(apiVersion: v1
kind: Config
current-context: edge
clusters:
- name: home
  cluster:
    server: https://10.0.0.1:6443/k8s/clusters/c-1/
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    certificate-authority: not-read.pem
    tls-server-name: kubernetes
contexts:
- name: edge
  context: {cluster: home, user: gate, namespace: edge}
- name: other
  context: {cluster: home, user: nobody}
- name: anonymous
  context: {cluster: home}
users:
- name: gate
  user:
    client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    client-key: key.pem
    token: abc
    tokenFile: token
)";

class Kubeconfig : public ::testing::Test {
 protected:
  Kubeconfig() {
    folder.write("key.pem", "key");
    folder.write("token", "secret");
  }

  FoundAccess read(const std::string& text, const std::string& context = {}) {
    return from_kubeconfig({{(folder / "config").string(), text}}, context);
  }
  // Of the user gate, with these fields.
  FoundAccess read_user(const std::string& fields) {
    return read(
        "current-context: c\nclusters: [{name: c, cluster: {server: \"https://a\"}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\nusers:\n- name: u\n  user: {" +
        fields + "}\n");
  }
  FoundAccess read_cluster(const std::string& fields) {
    return read(
        "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
        "clusters:\n- name: c\n  cluster: {" +
        fields + "}\n");
  }
  TemporaryDirectory folder;
};

TEST_F(Kubeconfig, is_read_as_kubectl_reads_it) {
  const auto found = read(kubeconfig);
  ASSERT_TRUE(found.access) << texts(found.problems);
  EXPECT_TRUE(found.problems.empty()) << texts(found.problems);
  const Access& access = *found.access;
  EXPECT_EQ(access.server, "https://10.0.0.1:6443/k8s/clusters/c-1");
  EXPECT_EQ(access.ca, TextOrFile{"-----BEGIN CERTIFICATE-----\n"});  // data wins over the file
  EXPECT_EQ(access.server_name, "kubernetes");
  EXPECT_EQ(access.certificate, TextOrFile{"-----BEGIN CERTIFICATE-----\n"});
  EXPECT_EQ(access.key.file, (folder / "key.pem").string());  // from the kubeconfig's folder
  EXPECT_EQ(access.token, (TextOrFile{.file = (folder / "token").string()}));  // wins over the token
  EXPECT_EQ(access.own_namespace, "edge");
  EXPECT_TRUE(access.compression);
  EXPECT_NE(access.origin.find("context edge"), std::string::npos);
}

TEST_F(Kubeconfig, another_context_may_be_chosen) {
  const auto anonymous = read(kubeconfig, "anonymous");
  ASSERT_TRUE(anonymous.access) << texts(anonymous.problems);
  EXPECT_FALSE(anonymous.access->token.given());
  EXPECT_EQ(anonymous.access->own_namespace, "");
  EXPECT_NE(texts(read(kubeconfig, "other").problems).find("users has no 'nobody'; there are: 'gate'"),
            std::string::npos);
  EXPECT_NE(texts(read(kubeconfig, "absent").problems).find("there are: 'edge', 'other', 'anonymous'"),
            std::string::npos);
}

TEST_F(Kubeconfig, of_several_the_first_of_a_name_counts) {
  const KubeconfigText first{(folder / "first").string(),
                             "clusters: [{name: home, cluster: {server: \"https://first\"}}]\nusers:\n"};
  const KubeconfigText second{(folder / "second").string(), kubeconfig};
  const auto found = from_kubeconfig({first, second}, "");
  ASSERT_TRUE(found.access) << texts(found.problems);
  EXPECT_EQ(found.access->server, "https://first");
  EXPECT_EQ(found.access->server_name, "");  // nothing of the second's cluster of that name
  EXPECT_TRUE(found.access->token.given());
}

TEST_F(Kubeconfig, the_variable_names_several_files_that_need_not_all_exist) {
  EXPECT_EQ(kubeconfig_files("/a::/b:"), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_TRUE(kubeconfig_files("").empty());
  const std::string there = folder.write("config", kubeconfig).string();
  const std::string absent = (folder / "absent").string();
  EXPECT_TRUE(from_kubeconfig_files({absent, there}, "").access);
  EXPECT_FALSE(from_kubeconfig_files({absent}, "").access);
  EXPECT_FALSE(from_kubeconfig_files({absent, absent}, "").access);
  EXPECT_FALSE(from_kubeconfig_files({folder.path().string()}, "").access);
}

TEST_F(Kubeconfig, refuses_by_name_what_it_cannot_do) {
  for (const char* fields : {"exec: {command: aws}", "auth-provider: {name: gcp}", "username: u", "password: p",
                             "as: x", "as-uid: x", "as-groups: [x]", "as-user-extra: {x: [y]}"}) {
    const auto found = read_user(std::string("token: t, ") + fields);
    EXPECT_FALSE(found.access) << fields;
    const std::string all = texts(found.problems);
    EXPECT_NE(all.find("config:6:"), std::string::npos) << all;
    EXPECT_NE(all.find("users[0].user."), std::string::npos) << all;
    EXPECT_NE(all.find("not supported"), std::string::npos) << all;
    EXPECT_EQ(all.find(": t"), std::string::npos) << all;
  }
  EXPECT_FALSE(read_cluster("server: \"https://a\", proxy-url: \"socks5://b\"").access);
  EXPECT_TRUE(read_user("token: t, exec: null, username: ''").access);
}

TEST_F(Kubeconfig, says_where_something_is_wrong) {
  EXPECT_FALSE(read_user("client-certificate: key.pem").access);
  EXPECT_FALSE(read_user("client-key: absent.pem, client-certificate: key.pem").access);
  EXPECT_FALSE(read_user("token: [a]").access);
  EXPECT_FALSE(read_user("client-certificate-data: '%%', client-key: key.pem").access);
  EXPECT_FALSE(read_cluster("certificate-authority: key.pem").access);
  EXPECT_FALSE(read_cluster("server: \"10.0.0.1:6443\"").access);
  EXPECT_FALSE(read_cluster("server: \"https://a\", certificate-authority-data: bm8gUEVN").access);
  EXPECT_FALSE(read_cluster("server: \"https://a\", insecure-skip-tls-verify: perhaps").access);
  EXPECT_FALSE(read("current-context: c\nclusters: {a: b").access);
  EXPECT_FALSE(read("").access);
  EXPECT_FALSE(read("- a\n- b\n").access);
  EXPECT_FALSE(read("current-context: c\ncontexts: [c, {name: c}]\nclusters: no\n").access);
  EXPECT_FALSE(from_kubeconfig({}, "").access);
  EXPECT_EQ(read_cluster("server: x").problems.at(0).line, 5);
  const auto twice = read(
      "current-context: c\nclusters: [{name: c, cluster: {server: \"https://a\"}}]\n"
      "contexts: [{name: c, context: {cluster: c}}, {name: c, context: {cluster: c}}]\n");
  EXPECT_NE(texts(twice.problems).find("contexts has 'c' twice"), std::string::npos);
}

TEST_F(Kubeconfig, an_insecure_server_is_warned_of) {
  const auto found = read_cluster("server: \"https://a\", insecure-skip-tls-verify: true, disable-compression: true");
  ASSERT_TRUE(found.access);
  EXPECT_TRUE(found.access->insecure);
  EXPECT_FALSE(found.access->compression);
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_EQ(found.problems[0].severity, Severity::warning);
  EXPECT_EQ(found.problems[0].line, 5);
  EXPECT_FALSE(
      read_cluster("server: \"https://a\", insecure-skip-tls-verify: true, certificate-authority: key.pem").access);
}

TEST_F(Kubeconfig, may_be_json) {
  EXPECT_TRUE(read(R"({"current-context": "c", "clusters": [{"name": "c", "cluster": {"server": "https://a"}}],
                       "contexts": [{"name": "c", "context": {"cluster": "c"}}]})")
                  .access);
}

}  // namespace
}  // namespace gatehouse::kubernetes
