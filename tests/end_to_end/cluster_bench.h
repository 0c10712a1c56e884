// A cluster for tests of the whole program: an API server, kubectl, and as many replicas as a test wants, in namespace
// edge. There are namespaces gitlab, shop and bank too.
#pragma once

#include "tests/doubles/kubernetes/api_server.h"
#include "tests/end_to_end/gatehouse_process.h"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::end_to_end {

// Objects, as YAML. Endpoints are all on the loopback.
std::string service_text(const ObjectName& name, const Endpoint& behind, int port = 80);
std::string ingress_text(const ObjectName& name, const std::string& host, const std::string& service,
                         const std::string& tls_secret = "");
std::string tls_secret_text(const ObjectName& name, const std::string& host);  // a fresh self-signed certificate
// As GitLab's chart and the old tutorial have it, for the entry point ssh.
std::string shell_route_text(const std::string& group, const ObjectName& name, const std::string& service);

class ClusterBench : public ::testing::Test {
 protected:
  explicit ClusterBench(kubernetes::fake::Options options = {});
  void TearDown() override;

  // kubectl with these words (no quotes).
  Outcome kubectl(const std::string& words) const;
  // What `kubectl apply` of a text does; fails the test when it is refused.
  void apply(const std::string& text) const;
  std::unique_ptr<GatehouseProcess> gatehouse(const std::string& name = "a", GatehouseProcess::Settings settings = {});
  // A replica that has synced.
  std::unique_ptr<GatehouseProcess> ready_gatehouse(GatehouseProcess::Settings settings = {});
  // The replica that the Lease names; empty: nobody.
  std::string leader() const;

  TemporaryDirectory root_;
  kubernetes::fake::ApiServer api_;
};

}  // namespace gatehouse::end_to_end
