#include "tests/end_to_end/cluster_bench.h"

#include <fstream>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

std::string metadata(const ObjectName& name, const std::string& more = "") {
  return "metadata: {namespace: " + name.ns + ", name: " + name.name + more + "}\n";
}

std::string indented(const std::string& text) {
  std::string lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines += "    " + line + "\n";
  return lines;
}

}  // namespace

std::string service_text(const ObjectName& name, const Endpoint& behind, int port) {
  const std::string number = std::to_string(behind.port);
  return "apiVersion: v1\nkind: Service\n" + metadata(name) +
         "spec: {ports: [{name: main, port: " + std::to_string(port) + ", targetPort: " + number +
         "}]}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" +
         metadata({name.ns, name.name + "-1"}, ", labels: {kubernetes.io/service-name: " + name.name + "}") +
         "addressType: IPv4\nports: [{name: main, port: " + number + ", protocol: TCP}]\nendpoints: [{addresses: [" +
         behind.address.to_string() + "], conditions: {ready: true}}]\n---\n";
}

std::string ingress_text(const ObjectName& name, const std::string& host, const std::string& service,
                         const std::string& tls_secret) {
  const std::string tls = tls_secret.empty() ? "" : ", tls: [{hosts: [" + host + "], secretName: " + tls_secret + "}]";
  return "apiVersion: networking.k8s.io/v1\nkind: Ingress\n" + metadata(name) +
         "spec: {ingressClassName: gatehouse, rules: [{host: '" + host +
         "', http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: " + service +
         ", port: {number: 80}}}}]}}]" + tls + "}\n---\n";
}

std::string tls_secret_text(const ObjectName& name, const std::string& host) {
  const TemporaryDirectory folder;
  const auto made =
      run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                   "30", "-subj", "/CN=" + host, "-addext", "subjectAltName=DNS:" + host, "-keyout",
                   (folder / "key").string(), "-out", (folder / "certificate").string()},
                  folder.path());
  EXPECT_EQ(made.status, 0) << made.text;
  const auto part = [&](const char* file) {
    return indented((std::stringstream() << std::ifstream(folder / file).rdbuf()).str());
  };
  return "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\n" + metadata(name) + "stringData:\n  tls.crt: |\n" +
         part("certificate") + "  tls.key: |\n" + part("key") + "---\n";
}

std::string shell_route_text(const std::string& group, const ObjectName& name, const std::string& service) {
  return "apiVersion: " + group + "/v1alpha1\nkind: IngressRouteTCP\n" + metadata(name) +
         "spec:\n  entryPoints:\n    - ssh\n  routes:\n    - match: HostSNI(`*`)\n      services:\n        - name: " +
         service + "\n          port: 22\n---\n";
}

ClusterBench::ClusterBench(kubernetes::fake::Options options) : api_(std::move(options)) {
  root_.write("kubeconfig", api_.kubeconfig());
  for (const char* name : {"edge", "gitlab", "shop", "bank"})
    api_.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + std::string(name) + "}\n");
}

void ClusterBench::TearDown() {
  if (!HasFailure()) return;
  for (const auto& entry : std::filesystem::directory_iterator(root_.path()))
    if (entry.path().extension() == ".log")
      std::cerr << "== " << entry.path().filename() << "\n" << std::ifstream(entry.path()).rdbuf() << "\n";
}

Outcome ClusterBench::kubectl(const std::string& words) const {
  std::vector<std::string> all{"kubectl", "--kubeconfig", (root_ / "kubeconfig").string()};
  std::istringstream text(words);
  for (std::string word; text >> word;) all.push_back(word);
  return run_program(std::move(all), root_.path());
}

void ClusterBench::apply(const std::string& text) const {
  const auto file = root_.write("applied.yaml", text);
  const auto applied = kubectl("apply --validate=false -f " + file.string());
  EXPECT_EQ(applied.status, 0) << applied.text;
}

std::unique_ptr<GatehouseProcess> ClusterBench::gatehouse(const std::string& name,
                                                          GatehouseProcess::Settings settings) {
  if (!settings.kubernetes.empty()) settings.kubernetes += ", ";
  settings.kubernetes += "kubeconfig: " + (root_ / "kubeconfig").string();
  return std::make_unique<GatehouseProcess>(name, std::move(settings), root_.path());
}

std::unique_ptr<GatehouseProcess> ClusterBench::ready_gatehouse(GatehouseProcess::Settings settings) {
  auto started = gatehouse("a", std::move(settings));
  EXPECT_TRUE(comes([&] { return started->ready(); }));
  return started;
}

std::string ClusterBench::leader() const {
  const auto lease = api_.object("leases/edge/gatehouse");
  if (!lease.is_object()) return "";
  const auto* holder = lease.at("spec").as_object().if_contains("holderIdentity");
  if (holder == nullptr || !holder->is_string()) return "";
  const std::string identity(holder->as_string());
  return identity.substr(0, identity.find('_'));
}

}  // namespace gatehouse::end_to_end
