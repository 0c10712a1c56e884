#include "cli/commands.h"

#include "tests/doubles/temporary_directory.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>
#include <boost/asio/ip/tcp.hpp>

#include <sstream>
#include <thread>

namespace gatehouse {
namespace {

constexpr std::string_view manifests = R"yaml(apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: gatehouse
  rules:
  - host: shop.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}
      - {path: /gone, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: ExternalName, externalName: 127.0.0.9, ports: [{port: 8080}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {name: shell, namespace: shop}
spec: {entryPoints: [ssh], routes: [{match: "HostSNI(`*`)", services: [{name: web, port: 8080}]}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {name: db, namespace: shop}
spec: {entryPoints: [websecure], tls: {passthrough: true}, routes: [{match: "HostSNI(`db.test`)", services: [{name: web, port: 8080}]}]}
)yaml";

struct Said {
  int exit_code;
  std::string out, err;
};

class Commands : public testing::Test {
 protected:
  Commands() {
    std::filesystem::create_directory(root_ / "manifests");
    root_.write("manifests/shop.yaml", manifests);
    write_settings();
  }

  void write_settings(const std::string& more = "") {
    root_.write("gatehouse.yaml", R"(entryPoints:
  web: {address: "127.0.0.1:80", http: {redirections: {entryPoint: {to: websecure}}}}
  plain: {address: "127.0.0.1:8000"}
  websecure: {address: "127.0.0.1:443", http: {tls: {certResolver: local}}}
  ssh: {address: "127.0.0.1:2222"}
providers: {manifests: {directory: )" +
                                      (root_ / "manifests").string() +
                                      "}}\ncertificatesResolvers: {local: {internal: {storage: " +
                                      (root_ / "ca").string() + "}}}\n" + more);
  }

  Said say(std::vector<std::string> words) {
    std::vector<const char*> arguments{"gatehouse"};
    for (const auto& word : words) arguments.push_back(word.c_str());
    std::ostringstream out, err;
    int code = run_command_line(static_cast<int>(arguments.size()), arguments.data(), {out, err});
    return {code, out.str(), err.str()};
  }
  // With --config.
  Said ask(std::vector<std::string> words) {
    words.insert(words.end(), {"--config", (root_ / "gatehouse.yaml").string()});
    return say(std::move(words));
  }

  static bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

  TemporaryDirectory root_;
};

TEST_F(Commands, HelpAndVersion) {
  auto help = say({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (auto command : {"run", "check", "routes", "explain", "certs", "ca", "healthcheck", "version"}) {
    EXPECT_TRUE(holds(help.out, command)) << help.out;
    auto own = say({command, "--help"});
    EXPECT_EQ(own.exit_code, 0) << command;
    EXPECT_TRUE(holds(own.out, std::string("Usage: gatehouse ") + command)) << own.out;
  }
  EXPECT_TRUE(holds(say({"check", "--help"}).out, "Exit codes: 0"));
  EXPECT_EQ(say({"version"}).out, "gatehouse " GATEHOUSE_VERSION "\n");
}

TEST_F(Commands, AWrongCommandLineExitsWith2) {
  EXPECT_EQ(say({}).exit_code, exit_usage);
  EXPECT_EQ(say({"serve"}).exit_code, exit_usage);
  EXPECT_EQ(say({"check", "--nonsense"}).exit_code, exit_usage);
  EXPECT_EQ(say({"explain"}).exit_code, exit_usage);
  EXPECT_EQ(ask({"routes", "--output", "xml"}).exit_code, exit_usage);
  EXPECT_EQ(ask({"explain", "ftp://shop.test/"}).exit_code, exit_usage);
  EXPECT_EQ(ask({"explain", "tcp://"}).exit_code, exit_usage);
}

TEST_F(Commands, CheckPrintsEachProblemWithItsPlace) {
  auto warned = ask({"check"});
  EXPECT_EQ(warned.exit_code, exit_well);
  EXPECT_TRUE(holds(warned.out, "shop.yaml:11: warning: Ingress shop/web: ")) << warned.out;
  EXPECT_TRUE(holds(warned.err, ": 1 warning\n")) << warned.err;

  root_.write("manifests/bad.yaml", "kind: Ingress\n  oops: [\n");
  auto bad = ask({"check"});
  EXPECT_EQ(bad.exit_code, exit_problem);
  EXPECT_TRUE(holds(bad.out, "bad.yaml:2:")) << bad.out;
  EXPECT_TRUE(holds(bad.out, ": error: ")) << bad.out;
  EXPECT_TRUE(holds(bad.err, "1 error and 1 warning")) << bad.err;
}

TEST_F(Commands, CheckNamesWrongSettingsAndLeavesTheDiskAsItIs) {
  write_settings("entryPonts: {}\n");
  auto wrong = ask({"check"});
  EXPECT_EQ(wrong.exit_code, exit_problem);
  EXPECT_TRUE(holds(wrong.out, "gatehouse.yaml:8:1: error: ")) << wrong.out;
  EXPECT_TRUE(holds(wrong.out, "entryPoints")) << wrong.out;
  EXPECT_FALSE(std::filesystem::exists(root_ / "ca"));
  EXPECT_EQ(say({"check", "--config", (root_ / "nowhere.yaml").string()}).exit_code, exit_problem);
}

TEST_F(Commands, SetOverridesTheFile) {
  auto said = ask({"routes", "--set", "entryPoints.ssh.address=127.0.0.1:2200", "--set", "workers=1"});
  EXPECT_EQ(said.exit_code, exit_well) << said.err;
  EXPECT_TRUE(holds(said.out, "ssh  127.0.0.1:2200")) << said.out;
}

TEST_F(Commands, RoutesAsTable) {
  auto said = ask({"routes"});
  EXPECT_EQ(said.exit_code, exit_well);
  EXPECT_TRUE(holds(said.out, "web  127.0.0.1:80, redirects to https\n")) << said.out;
  EXPECT_TRUE(holds(said.out, "shop/web:8080 [127.0.0.9:8080]")) << said.out;
  EXPECT_TRUE(holds(said.out, "IngressRouteTCP shop/shell route 0")) << said.out;
  EXPECT_TRUE(holds(said.err, "gatehouse check finds 1 warning")) << said.err;
}

TEST_F(Commands, RoutesAsJson) {
  auto said = ask({"routes", "--output", "json"});
  EXPECT_EQ(said.exit_code, exit_well);
  EXPECT_TRUE(said.out.starts_with("{")) << said.out;
  EXPECT_TRUE(holds(said.out, R"("host":"shop.test")")) << said.out;
}

TEST_F(Commands, ExplainsWhoAnswers) {
  auto said = ask({"explain", "https://Shop.test:443/cart?x=1"});
  EXPECT_EQ(said.exit_code, exit_well) << said.out << said.err;
  EXPECT_TRUE(holds(said.out, "entry point  websecure, 127.0.0.1:443\n")) << said.out;
  EXPECT_TRUE(holds(said.out, "certificate  made by the built-in CA\n")) << said.out;
  EXPECT_TRUE(holds(said.out, "route        Ingress shop/web rule 0 path 0\n")) << said.out;
  EXPECT_TRUE(holds(said.out, "service      shop/web:8080\nendpoints    127.0.0.9:8080\n")) << said.out;
  EXPECT_TRUE(holds(said.out, "path differs")) << said.out;
}

TEST_F(Commands, ExplainsWhyNobodyAnswers) {
  auto missing = ask({"explain", "https://shop.test/gone/x"});
  EXPECT_EQ(missing.exit_code, exit_problem);
  EXPECT_TRUE(holds(missing.out, "shop/gone")) << missing.out;
  EXPECT_TRUE(holds(missing.out, "answered 503")) << missing.out;
  auto foreign = ask({"explain", "https://other.test/"});
  EXPECT_EQ(foreign.exit_code, exit_problem);
  EXPECT_TRUE(holds(foreign.out, "answered 404")) << foreign.out;
  auto port = ask({"explain", "http://shop.test:81/"});
  EXPECT_EQ(port.exit_code, exit_problem);
  EXPECT_TRUE(holds(port.out, "no entry point listens on port 81")) << port.out;
  EXPECT_TRUE(holds(port.out, "websecure, 127.0.0.1:443")) << port.out;
}

TEST_F(Commands, ExplainsRedirectionsAndTcp) {
  auto redirected = ask({"explain", "http://shop.test/cart"});
  EXPECT_EQ(redirected.exit_code, exit_well);
  EXPECT_TRUE(holds(redirected.out, "redirection  to https://shop.test/cart, for good")) << redirected.out;
  auto shell = ask({"explain", "tcp://:2222"});
  EXPECT_EQ(shell.exit_code, exit_well);
  EXPECT_TRUE(holds(shell.out, "IngressRouteTCP shop/shell route 0")) << shell.out;
  auto database = ask({"explain", "tls://db.test"});
  EXPECT_EQ(database.exit_code, exit_well);
  EXPECT_TRUE(holds(database.out, "IngressRouteTCP shop/db route 0")) << database.out;
  EXPECT_TRUE(holds(database.out, "passed through")) << database.out;
  auto elsewhere = ask({"explain", "http://shop.test/", "--entry-point", "plain"});
  EXPECT_EQ(elsewhere.exit_code, exit_well);
  EXPECT_TRUE(holds(elsewhere.out, "127.0.0.9:8080")) << elsewhere.out;
}

TEST_F(Commands, TheRootIsPrintedOnceThereIsOne) {
  auto early = ask({"ca", "root"});
  EXPECT_EQ(early.exit_code, exit_problem);
  EXPECT_TRUE(holds(early.err, "no root yet")) << early.err;
  auto ca = tls::InternalCa::load_or_create(root_ / "ca", SystemClock().wall_now());
  ASSERT_TRUE(ca);
  auto said = ask({"ca", "root"});
  EXPECT_EQ(said.exit_code, exit_well) << said.err;
  EXPECT_EQ(said.out, (*ca)->root_pem());
  EXPECT_FALSE(holds(said.out, "PRIVATE KEY"));
}

TEST_F(Commands, CertsNeedAnAcmeResolver) {
  auto said = ask({"certs", "list"});
  EXPECT_EQ(said.exit_code, exit_problem);
  EXPECT_TRUE(holds(said.err, "no certificatesResolvers entry is `acme")) << said.err;
  EXPECT_EQ(say({"certs"}).exit_code, exit_usage);
}

class Certs : public Commands {
 protected:
  Certs() {
    root_.write("gatehouse.yaml", R"(entryPoints:
  web: {address: "127.0.0.1:80"}
  websecure: {address: "127.0.0.1:443", http: {tls: {certResolver: le}}}
providers: {manifests: {directory: )" +
                                      (root_ / "manifests").string() +
                                      "}}\ncertificatesResolvers: {le: {acme: {httpChallenge: {entryPoint: web}, "
                                      "storage: " +
                                      (root_ / "acme").string() + "}}}\n");
  }
};

TEST_F(Certs, ThePlanTellsWhatThereShouldBeAndChangesNothing) {
  auto plan = ask({"certs", "plan"});
  EXPECT_EQ(plan.exit_code, exit_well) << plan.err;
  EXPECT_TRUE(holds(plan.out, "shop.test")) << plan.out;
  auto list = ask({"certs", "list", "--output", "json"});
  EXPECT_EQ(list.exit_code, exit_well) << list.err;
  EXPECT_TRUE(holds(list.out, R"("names":["shop.test"])")) << list.out;
  EXPECT_FALSE(std::filesystem::exists(root_ / "acme"));
}

TEST_F(Certs, WhatIsNotThereCannotBeAskedFor) {
  auto renew = ask({"certs", "renew", "nobody.test"});
  EXPECT_EQ(renew.exit_code, exit_problem);
  EXPECT_TRUE(holds(renew.err, "there is no certificate for 'nobody.test'")) << renew.err;
  EXPECT_EQ(ask({"certs", "import", (root_ / "nowhere.json").string()}).exit_code, exit_problem);
  EXPECT_EQ(ask({"certs", "prune"}).exit_code, exit_well);
}

TEST_F(Commands, CertsInSecretsAreForKubectlToShow) {
  root_.write("gatehouse.yaml", R"(entryPoints:
  web: {address: "127.0.0.1:80"}
  websecure: {address: "127.0.0.1:443", http: {tls: {certResolver: le}}}
providers: {kubernetes: {endpoint: "https://127.0.0.1:1"}}
certificatesResolvers: {le: {acme: {httpChallenge: {entryPoint: web}, storage: kubernetes}}}
)");
  auto list = ask({"certs", "list"});
  EXPECT_EQ(list.exit_code, exit_well) << list.err;
  EXPECT_TRUE(holds(list.err, "certificatesResolvers.le keeps its certificates in Secrets: kubectl")) << list.err;
  EXPECT_FALSE(std::filesystem::exists("kubernetes"));
}

// Answers one connection with `answer` and keeps the first line it was sent. It reads the whole head before: closing
// with bytes unread would reset the connection under the answer.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer)
      : thread_([this, answer] {
          asio::ip::tcp::iostream connection;
          acceptor_.accept(connection.rdbuf()->socket());
          std::getline(connection, asked_);
          for (std::string line = asked_; connection && line != "\r";) std::getline(connection, line);
          connection << answer << std::flush;
        }) {}
  ~OneAnswer() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  const std::string& asked() {
    join();
    return asked_;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_{context_, {asio::ip::address_v4::loopback(), 0}};
  std::string asked_;
  std::thread thread_;
};

TEST_F(Commands, HealthcheckAsksTheAdminEntryPoint) {
  EXPECT_EQ(ask({"healthcheck"}).exit_code, exit_problem) << "there is no admin entry point";
  OneAnswer well("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nOK\n");
  auto said = ask({"healthcheck", "--set", "entryPoints.admin.address=" + well.address()});
  EXPECT_EQ(said.exit_code, exit_well) << said.err;
  EXPECT_EQ(well.asked(), "GET /ping HTTP/1.1\r");
  OneAnswer unwell("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  auto not_ready = ask({"healthcheck", "--ready", "--set", "entryPoints.admin.address=" + unwell.address()});
  EXPECT_EQ(not_ready.exit_code, exit_problem);
  EXPECT_EQ(unwell.asked(), "GET /ready HTTP/1.1\r");
  EXPECT_TRUE(holds(not_ready.err, "/ready: status 503")) << not_ready.err;
  OneAnswer foreign("SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_EQ(ask({"healthcheck", "--set", "entryPoints.admin.address=" + foreign.address()}).exit_code, exit_problem);
}

}  // namespace
}  // namespace gatehouse
