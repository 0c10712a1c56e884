#include "tls/handshake.h"

#include "tests/doubles/tls/tls_peer.h"
#include "tls/certificate_chooser.h"
#include "tls/new_certificate.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace gatehouse::tls {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const ServerContext> context_with(const ServerPolicy& policy = {},
                                                  std::shared_ptr<const TicketKeys> keys = nullptr) {
  return make_server_context(policy, std::move(keys)).value();
}

std::shared_ptr<TicketKeys> new_keys() { return std::make_shared<TicketKeys>(test_now()); }

void expect_failed(const Met& met, const std::string& server_words, const std::string& client_words) {
  EXPECT_FALSE(met.client.connected);
  EXPECT_EQ(met.client.problem, client_words);
  ASSERT_FALSE(met.server);
  EXPECT_EQ(met.server.error().kind, FailureKind::handshake_failed);
  EXPECT_EQ(met.server.error().detail, server_words);
}

TEST(AcceptTls, SpeaksBothVersions) {
  const auto certificate = certificate_for({"a.example"});
  for (const auto& [version, name] : {std::pair(TLS1_2_VERSION, "TLSv1.2"), std::pair(TLS1_3_VERSION, "TLSv1.3")}) {
    ClientWishes wishes;
    wishes.max_version = version;
    wishes.server_name = "A.Example.";
    const Met met = meet(context_with(), only(certificate), wishes);
    ASSERT_TRUE(met.server) << met.server.error().detail;
    EXPECT_EQ(met.server->version, name);
    EXPECT_EQ(met.server->server_name, "a.example");
    EXPECT_EQ(met.server->alpn, "");
    EXPECT_FALSE(met.server->resumed);
    EXPECT_EQ(met.server->cipher,
              version == TLS1_3_VERSION ? "TLS_AES_128_GCM_SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256");
    EXPECT_EQ(met.client.fingerprint, certificate->fingerprint());
    EXPECT_EQ(met.client.received, "hello");
  }
}

TEST(AcceptTls, ShowsTheCertificateOfTheName) {
  const auto exact = certificate_for({"a.example"}), wild = certificate_for({"*.b.example"}),
             other = certificate_for({"z"});
  const CertificateStore store({.entries = {{host("a.example"), exact}, {host("*.b.example"), wild}},
                                .default_certificate = other,
                                .internal_ca = nullptr,
                                .internal_hosts = {}});
  CertificateChooser chooser;
  const auto choose = [&](std::string_view name) { return chooser.choose(store, name, test_now()); };
  const auto shown = [&](const std::string& name) {
    ClientWishes wishes;
    wishes.server_name = name;
    return meet(context_with(), choose, wishes).client.fingerprint;
  };
  EXPECT_EQ(shown("a.example"), exact->fingerprint());
  EXPECT_EQ(shown("x.b.example"), wild->fingerprint());
  EXPECT_EQ(shown("y.x.b.example"), other->fingerprint());
  EXPECT_EQ(shown(""), other->fingerprint());
  EXPECT_EQ(shown("10.0.0.1"), other->fingerprint());
}

TEST(AcceptTls, RefusesNamesNobodyAnswersTo) {
  ClientWishes wishes;
  const auto nobody = [](std::string_view) { return CertificatePtr(); };
  expect_failed(meet(context_with(), nobody, wishes), "no certificate for 'a.example'", "tlsv1 unrecognized name");
  wishes.server_name = "";
  expect_failed(meet(context_with(), nobody, wishes), "no certificate for a client that names no host",
                "tlsv1 unrecognized name");
  wishes.server_name = "not a name";
  expect_failed(meet(context_with(), only(certificate_for({"a.example"})), wishes),
                "a server name that is not a DNS name", "tlsv1 alert decode error");
}

TEST(AcceptTls, KeepsToItsVersions) {
  const auto certificate = certificate_for({"a.example"});
  ClientWishes wishes;
  wishes.max_version = TLS1_2_VERSION;
  expect_failed(meet(context_with({.min_version = Version::tls13}), only(certificate), wishes), "unsupported protocol",
                "tlsv1 alert protocol version");
  wishes.min_version = wishes.max_version = TLS1_1_VERSION;
  expect_failed(meet(context_with(), only(certificate), wishes), "unsupported protocol",
                "tlsv1 alert protocol version");
  wishes.max_version = TLS1_3_VERSION;
  EXPECT_EQ(meet(context_with({.max_version = Version::tls12}), only(certificate), wishes).client.version, "TLSv1.2");
}

TEST(AcceptTls, KeepsToItsCiphers) {
  const auto certificate = certificate_for({"a.example"});
  ServerPolicy policy;
  policy.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  ClientWishes wishes;
  wishes.max_version = TLS1_2_VERSION;
  EXPECT_EQ(meet(context_with(policy), only(certificate), wishes).server->cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
  wishes.ciphers12 = "ECDHE-ECDSA-AES128-GCM-SHA256";
  expect_failed(meet(context_with(policy), only(certificate), wishes), "no shared cipher",
                "sslv3 alert handshake failure");
}

TEST(AcceptTls, AgreesOnAProtocolOrRefuses) {
  const auto certificate = certificate_for({"a.example"});
  ClientWishes wishes;
  wishes.alpn = {"h2", "http/1.1"};
  const Met met = meet(context_with(), only(certificate), wishes);
  EXPECT_EQ(met.server->alpn, "h2");
  EXPECT_EQ(met.client.alpn, "h2");
  EXPECT_EQ(meet(context_with({.alpn = {"http/1.1"}}), only(certificate), wishes).server->alpn, "http/1.1");
  EXPECT_EQ(meet(context_with({.alpn = {}}), only(certificate), wishes).client.alpn, "");
  wishes.alpn = {"h3", "foo"};
  expect_failed(meet(context_with(), only(certificate), wishes), "no application protocol",
                "tlsv1 alert no application protocol");
}

// The second of two connections, with the first one's session.
Met meet_again(
    std::shared_ptr<const ServerContext> first, std::shared_ptr<const ServerContext> second, int version,
    std::function<void()> between = [] {}) {
  const auto certificate = certificate_for({"a.example"});
  ClientWishes wishes;
  wishes.max_version = version;
  const Met met = meet(std::move(first), only(certificate), wishes);
  EXPECT_TRUE(met.client.connected);
  between();
  wishes.session = met.client.session;
  return meet(std::move(second), only(certificate), wishes);
}

TEST(Tickets, ResumeAlsoAfterRotationAndUnderANewContext) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto keys = new_keys();
    const Met met = meet_again(context_with({}, keys), context_with({}, keys), version, [&] {
      keys->rotate_if_due(test_now() + 12h);
      keys->rotate_if_due(test_now() + 24h);
    });
    EXPECT_TRUE(met.client.resumed);
    ASSERT_TRUE(met.server);
    EXPECT_TRUE(met.server->resumed);
    EXPECT_EQ(met.server->server_name, "a.example");
    EXPECT_EQ(met.client.received, "hello");
  }
}

TEST(Tickets, EndWithTheirKey) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto keys = new_keys();
    const Met met = meet_again(context_with({}, keys), context_with({}, keys), version, [&] {
      for (int i = 1; i <= 3; ++i) keys->rotate_if_due(test_now() + 12h * i);
    });
    EXPECT_TRUE(met.client.connected);
    EXPECT_FALSE(met.client.resumed);
  }
}

TEST(Tickets, DoNotPassToAnotherPolicy) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto keys = new_keys();
    const auto other = context_with({.alpn = {"other"}}, keys);
    const Met met = meet_again(context_with({}, keys), other, version);
    EXPECT_TRUE(met.client.connected);
    EXPECT_FALSE(met.client.resumed);
  }
}

TEST(Tickets, AreNotGivenWhenSwitchedOff) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const bool keyless : {false, true}) {
      const auto context = keyless ? context_with() : context_with({.session_tickets = false}, new_keys());
      EXPECT_FALSE(meet_again(context, context, version).client.resumed);
    }
}

// Early data can be sent again by whoever has seen it (RFC 8446 §8).
TEST(Tickets, AllowNoEarlyData) {
  const auto keys = new_keys();
  ClientWishes wishes;
  const Met met = meet(context_with({}, keys), only(certificate_for({"a.example"})), wishes);
  ASSERT_TRUE(met.client.session);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(met.client.session.get()), 0u);
}

TEST(AcceptTls, UsesTheCertificateOfTheStoreOfTheDay) {
  const auto context = context_with();
  for (int day = 0; day < 2; ++day) {
    const auto certificate = certificate_for({"a.example"});
    EXPECT_EQ(meet(context, only(certificate)).client.fingerprint, certificate->fingerprint());
  }
}

TEST(AcceptTls, ShowsTheWholeChainAndVerifies) {
  const auto now = SystemClock().wall_now();
  const auto root = make_certificate({"root", {}, now - 1h, now + 24h, true}, nullptr).value();
  const auto ca = std::make_shared<const InternalCa>(root);
  const CertificateStore store({.entries = {},
                                .default_certificate = nullptr,
                                .internal_ca = ca,
                                .internal_hosts = hosts({"a.example", "*.b.example"})});
  CertificateChooser chooser;
  const auto choose = [&](std::string_view name) { return chooser.choose(store, name, now); };
  ClientWishes wishes;
  wishes.root_pem = ca->root_pem();
  EXPECT_TRUE(meet(context_with(), choose, wishes).client.connected);
  wishes.server_name = "deep.b.example";
  EXPECT_TRUE(meet(context_with(), choose, wishes).client.connected);
  wishes.server_name = "other.example";
  EXPECT_FALSE(meet(context_with(), choose, wishes).client.connected);
  EXPECT_EQ(chooser.kept_leaves(), 2u);
}

TEST(AcceptTls, ReadsBytesPutBackFirst) {
  // A hello longer than a packet, part of it read by somebody else and put back.
  asio::io_context io;
  for (const std::size_t taken : {1u, 5u, 100u, 1500u}) {
    SocketPair pair(io);
    ClientWishes wishes;
    for (int i = 0; i < 100; ++i) wishes.alpn.push_back("a-long-protocol-name-" + std::to_string(i));
    std::thread thread([&] {
      TestClient client(pair.theirs, wishes);
      EXPECT_TRUE(client.connect());
      EXPECT_EQ(client.read(5), "hello");
      ::shutdown(pair.theirs, SHUT_RDWR);
    });
    asio::co_spawn(
        io,
        [](PlainStream& under, std::size_t count) -> Awaitable<void> {
          std::string start(count, '\0');
          for (std::size_t size = 0; size < count;) {
            const asio::mutable_buffer rest(start.data() + size, count - size);
            const auto n = co_await under.read_some(rest);
            size += n.value();
          }
          under.unread(start);
          const ServerPolicy policy{.alpn = {"a-long-protocol-name-99"}};
          const auto context = context_with(policy);
          const ChooseCertificate choose = only(certificate_for({"a.example"}));
          auto tls = co_await accept_tls(under, context, choose);
          EXPECT_TRUE(tls);
          if (!tls) co_return;
          EXPECT_EQ(tls->alpn, "a-long-protocol-name-99");
          const error_code error = co_await send(*tls->stream, "hello");
          EXPECT_FALSE(error);
        }(pair.ours, taken),
        asio::detached);
    io.run();
    io.restart();
    thread.join();
  }
}

TEST(AcceptTls, SaysWhatOtherThanTlsCame) {
  const auto problem = [](const std::string& bytes) {
    asio::io_context io;
    SocketPair pair(io);
    pair.ours.unread(bytes);
    ::shutdown(pair.theirs, SHUT_WR);
    std::string words;
    asio::co_spawn(
        io,
        [](PlainStream& under, std::string& result) -> Awaitable<void> {
          const auto context = context_with();
          const ChooseCertificate choose = only(certificate_for({"a.example"}));
          auto tls = co_await accept_tls(under, context, choose);
          result = tls ? "accepted" : tls.error().detail;
        }(pair.ours, words),
        asio::detached);
    io.run();
    return words;
  };
  EXPECT_EQ(problem("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "http request");
  EXPECT_EQ(problem("SSH-2.0-OpenSSH\r\n"), "wrong version number");
  EXPECT_EQ(problem(client_hello_bytes({}).substr(0, 100)), "the peer closed the connection");
  EXPECT_EQ(problem(""), "the peer closed the connection");
}

TEST(AcceptTls, EndsWhenItsStreamIsClosed) {
  asio::io_context io;
  SocketPair pair(io);
  std::string words;
  asio::co_spawn(
      io,
      [](PlainStream& under, std::string& result) -> Awaitable<void> {
        under.unread(client_hello_bytes({}).substr(0, 50));
        const auto context = context_with();
        const ChooseCertificate choose = only(certificate_for({"a.example"}));
        auto tls = co_await accept_tls(under, context, choose);
        result = tls ? "accepted" : tls.error().detail;
      }(pair.ours, words),
      asio::detached);
  io.poll();
  EXPECT_EQ(words, "");
  pair.ours.close();  // as its Deadline does
  io.restart();
  io.run();
  EXPECT_EQ(words, "closed while waiting for the peer");
}

// Our client against our server.
struct BothSides {
  Result<AcceptedTls> server = Failure(FailureKind::internal);
  Result<std::unique_ptr<Stream>> client = Failure(FailureKind::internal);
};

Awaitable<void> accept_into(PlainStream& under, CertificatePtr certificate, BothSides& both) {
  const auto context = context_with();
  const ChooseCertificate choose = only(certificate);
  both.server = co_await accept_tls(under, context, choose);
}

Awaitable<void> connect_into(PlainStream& under, std::shared_ptr<const ClientContext> context, std::string name,
                             BothSides& both) {
  both.client = co_await connect_tls(under, context, name);
  if (!both.client) under.close();
}

struct Connected {
  std::string server_name;  // as the server heard it
  std::string problem;      // the client's
};

Connected connect(CertificatePtr certificate, const ClientPolicy& policy, const std::string& name) {
  asio::io_context io;
  SocketPair pair(io);
  PlainStream other(Socket(io, asio::generic::stream_protocol(AF_UNIX, 0), std::exchange(pair.theirs, -1)));
  BothSides both;
  asio::co_spawn(io, accept_into(pair.ours, certificate, both), asio::detached);
  asio::co_spawn(io, connect_into(other, make_client_context(policy).value(), name, both), asio::detached);
  io.run();
  Connected connected;
  if (both.server) connected.server_name = both.server->server_name;
  if (!both.client) {
    EXPECT_EQ(both.client.error().kind, FailureKind::upstream_tls_failed);
    connected.problem = both.client.error().detail;
  }
  return connected;
}

TEST(ConnectTls, VerifiesChainAndName) {
  const auto certificate = certificate_for({"a.example"});
  const ClientPolicy policy{.ca_pem = certificate->pem()};
  const Connected good = connect(certificate, policy, "A.example");
  EXPECT_EQ(good.problem, "");
  EXPECT_EQ(good.server_name, "a.example");
  EXPECT_EQ(connect(certificate, policy, "b.example").problem, "the certificate is not accepted: hostname mismatch");
  EXPECT_EQ(connect(certificate, {.ca_pem = certificate_for({"a.example"})->pem()}, "a.example").problem.substr(0, 31),
            "the certificate is not accepted");
  EXPECT_EQ(connect(certificate, {}, "a.example").problem, "the certificate is not accepted: self-signed certificate");
}

TEST(ConnectTls, UsesThePolicysName) {
  const auto certificate = certificate_for({"a.example"});
  const Connected named = connect(certificate, {.ca_pem = certificate->pem(), .server_name = "a.example"}, "10.0.0.1");
  EXPECT_EQ(named.problem, "");
  EXPECT_EQ(named.server_name, "a.example");
}

TEST(ConnectTls, ChecksAddressesAndDoesNotSendThem) {
  const auto certificate = certificate_for({"a.example"});
  EXPECT_EQ(connect(certificate, {.ca_pem = certificate->pem()}, "10.0.0.1").problem,
            "the certificate is not accepted: IP address mismatch");
  const Connected unchecked = connect(certificate, {.verify = false}, "10.0.0.1");
  EXPECT_EQ(unchecked.problem, "");
  EXPECT_EQ(unchecked.server_name, "");
}

TEST(ConnectTls, RefusesToVerifyNobody) {
  const auto certificate = certificate_for({"a.example"});
  EXPECT_NE(connect(certificate, {.ca_pem = certificate->pem()}, "").problem, "");
  EXPECT_EQ(connect(certificate, {.verify = false}, "").problem, "");
}

}  // namespace
}  // namespace gatehouse::tls
