// Client certificates by the TLS options that an entry point or an Ingress names, with curl and openssl as the clients.
#include "tests/end_to_end/cluster_bench.h"

#include <csignal>

namespace gatehouse::end_to_end {
namespace {

class CertificateBench : public ClusterBench {
 protected:
  // `options`: those of the entry point; empty: the usual ones.
  void start(const std::string& options) {
    authority("ca");
    certificate("alice", "ca");
    api_.apply(service_text({"shop", "web"}, page_.endpoint()) + ingress_text({"shop", "web"}, "shop.test", "web"));
    GatehouseProcess::Settings settings;
    settings.rest = "tls:\n  options:\n    mtls: {clientAuth: {caFiles: [" + file("trusted.crt") +
                    "], clientAuthType: RequireAndVerifyClientCert}}\n";
    if (!options.empty()) settings.environment["GATEHOUSE_ENTRYPOINTS_WEBSECURE_HTTP_TLS_OPTIONS"] = options;
    trust("ca");
    running_ = ready_gatehouse(settings);
    ASSERT_TRUE(comes([&] { return running_->body("shop.test") == "page"; }));
  }

  std::string file(const std::string& name) const { return (root_ / name).string(); }
  void shell(const std::string& command) const {
    const Outcome outcome = run_program({"sh", "-c", command}, root_.path());
    EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.text;
  }
  void authority(const std::string& name) const {
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
          " -keyout " + file(name + ".key") + " -out " + file(name + ".crt"));
  }
  void certificate(const std::string& name, const std::string& issuer) const {
    shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name + " -keyout " +
          file(name + ".key") + " -out " + file(name + ".csr") + " && openssl x509 -req -days 2 -in " +
          file(name + ".csr") + " -CA " + file(issuer + ".crt") + " -CAkey " + file(issuer + ".key") +
          " -CAcreateserial -out " + file(name + ".crt"));
  }
  void trust(const std::string& name) const { shell("cp " + file(name + ".crt") + " " + file("trusted.crt")); }

  // What curl shows of the page; empty when it got none.
  std::string page(const std::string& certificate, const std::string& version = "1.3") const {
    const std::string port = std::to_string(running_->websecure().port);
    std::vector<std::string> words{
        "curl", "-sk", "--tlsv" + version, "--tls-max", version, "--resolve", "shop.test:" + port + ":127.0.0.1"};
    if (!certificate.empty())
      words.insert(words.end(), {"--cert", file(certificate + ".crt"), "--key", file(certificate + ".key")});
    words.push_back("https://shop.test:" + port + "/");
    const Outcome outcome = run_program(std::move(words), root_.path());
    EXPECT_EQ(outcome.status == 0, !outcome.text.empty()) << outcome.text;
    return outcome.text;
  }
  // What openssl says of two connections, the second with the session of the first.
  std::string handshakes(const std::string& certificate, const std::string& version) const {
    const std::string client =
        "openssl s_client -connect " + running_->websecure().text() + " -servername shop.test -ign_eof -" + version +
        (certificate.empty() ? std::string()
                             : " -cert " + file(certificate + ".crt") + " -key " + file(certificate + ".key"));
    const std::string ask = "printf 'GET / HTTP/1.1\\r\\nHost: shop.test\\r\\nConnection: close\\r\\n\\r\\n' | ";
    const std::string session = file("session");
    return run_program({"sh", "-c",
                        ask + client + " -sess_out " + session + "; test -s " + session + " && " + ask + client +
                            " -sess_in " + session},
                       root_.path())
        .text;
  }

  const AnsweringUpstream page_{"page"};
  std::unique_ptr<GatehouseProcess> running_;
};

class ClientCertificate : public CertificateBench {
 protected:
  void SetUp() override { start("mtls"); }
};

class HostWithOptions : public CertificateBench {
 protected:
  void SetUp() override {
    start("");
    api_.apply(ingress_text({"shop", "open"}, "open.test", "web"));
    ASSERT_TRUE(comes([&] { return asked("open.test", "open.test") == "200"; }));
    ask_for("mtls@kubernetescrd");
    ASSERT_TRUE(comes([&] { return asked("shop.test", "shop.test") != "200"; }));
  }

  void ask_for(const std::string& options) const {
    const Outcome done =
        kubectl("annotate --overwrite -n shop ingress web traefik.ingress.kubernetes.io/router.tls.options=" + options);
    EXPECT_EQ(done.status, 0) << done.text;
  }

  // The status that curl sees; 000: no answer. `certificate`: empty: it has none.
  std::string asked(const std::string& server_name, const std::string& host, const std::string& certificate = "",
                    const std::string& http = "--http1.1") const {
    const std::string port = std::to_string(running_->websecure().port);
    std::vector<std::string> words{"curl",         "-sk",          http,
                                   "-o",           "/dev/null",    "-w",
                                   "%{http_code}", "--resolve",    server_name + ":" + port + ":127.0.0.1",
                                   "-H",           "Host: " + host};
    if (!certificate.empty())
      words.insert(words.end(), {"--cert", file(certificate + ".crt"), "--key", file(certificate + ".key")});
    words.push_back("https://" + server_name + ":" + port + "/");
    return run_program(std::move(words), root_.path()).text;
  }
};

TEST_F(HostWithOptions, asks_its_clients_for_a_certificate_and_nobody_elses) {
  authority("others");
  certificate("mallory", "others");
  for (const char* http : {"--http1.1", "--http2"}) {
    EXPECT_EQ(asked("shop.test", "shop.test", "alice", http), "200");
    EXPECT_EQ(asked("shop.test", "shop.test", "", http), "000");
    EXPECT_EQ(asked("shop.test", "shop.test", "mallory", http), "000");
    EXPECT_EQ(asked("open.test", "open.test", "", http), "200");
  }
}

TEST_F(HostWithOptions, is_not_to_be_had_by_another_name) {
  for (const char* http : {"--http1.1", "--http2"})
    for (const char* name : {"open.test", "nobody.test"})
      for (const char* certificate : {"", "alice"}) EXPECT_EQ(asked(name, "shop.test", certificate, http), "421");
  EXPECT_EQ(running_->get("shop.test").status(), 421) << "nor without TLS";
}

TEST_F(HostWithOptions, answers_503_where_they_are_not_there) {
  ask_for("mlts");
  for (const char* name : {"shop.test", "open.test"})
    EXPECT_TRUE(comes([&] { return asked(name, "shop.test", "alice") == "503"; })) << name;
  EXPECT_EQ(asked("open.test", "open.test"), "200");
  EXPECT_NE(running_->problems().find("mlts"), std::string::npos);
  EXPECT_TRUE(comes([&] {
    return kubectl("get events.events.k8s.io -n shop -o jsonpath={.items[*].reason}").text.find("TLSOptionsNotFound") !=
           std::string::npos;
  }));
  ask_for("mtls");
  EXPECT_TRUE(comes([&] { return asked("shop.test", "shop.test", "alice") == "200"; }));
  EXPECT_EQ(asked("shop.test", "shop.test"), "000");
}

TEST_F(ClientCertificate, whoever_has_one_of_the_authority_is_let_in_and_nobody_else) {
  authority("others");
  certificate("mallory", "others");
  for (const char* version : {"1.2", "1.3"}) {
    EXPECT_EQ(page("alice", version), "page");
    EXPECT_EQ(page("", version), "");
    EXPECT_EQ(page("mallory", version), "");
  }
}

TEST_F(ClientCertificate, openssl_names_the_authority_and_resumes_nothing) {
  for (const char* version : {"tls1_2", "tls1_3"}) {
    const std::string said = handshakes("alice", version);
    EXPECT_NE(said.find("Acceptable client certificate CA names\nCN = ca\n"), std::string::npos) << said;
    EXPECT_NE(said.find("page"), std::string::npos) << said;
    EXPECT_EQ(said.find("Reused, "), std::string::npos) << said;
    const std::string refused = handshakes("", version);
    EXPECT_EQ(refused.find("HTTP/1.1"), std::string::npos) << refused;
    EXPECT_NE(refused.find(version == std::string("tls1_3") ? "certificate required" : "handshake failure"),
              std::string::npos)
        << refused;
  }
}

TEST_F(ClientCertificate, another_authority_takes_over_by_a_reload) {
  authority("next");
  certificate("bob", "next");
  ASSERT_EQ(page("bob"), "");
  trust("next");
  running_->signal(SIGHUP);
  EXPECT_TRUE(comes([&] { return page("bob") == "page"; })) << running_->log();
  EXPECT_EQ(page("alice"), "");
  // What cannot be read changes nothing.
  shell("rm " + file("trusted.crt"));
  running_->signal(SIGHUP);
  EXPECT_TRUE(comes([&] { return running_->problems().find("tls.options.mtls") != std::string::npos; }));
  EXPECT_EQ(page("bob"), "page");
  EXPECT_EQ(page(""), "");
}

}  // namespace
}  // namespace gatehouse::end_to_end
