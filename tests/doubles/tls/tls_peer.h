// The other side of a TLS connection in tests: OpenSSL itself, blocking, in a thread of its own.
#pragma once

#include "base/stream.h"
#include "tls/handshake.h"

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::tls {

using Session = std::shared_ptr<SSL_SESSION>;

// 2026-01-01, the tests' present.
WallTime test_now();

HostName host(std::string_view text);
std::vector<HostName> hosts(const std::vector<std::string>& texts);

// A self-signed certificate for these hosts, valid for a year around the real present.
CertificatePtr certificate_for(const std::vector<std::string>& names);

// Two connected sockets: ours for an io_context, the peer's as a blocking descriptor with a 10 s limit.
struct SocketPair {
  explicit SocketPair(asio::io_context& io);
  ~SocketPair();
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;

  int theirs = -1;
  PlainStream ours;
};

struct ClientWishes {
  std::string server_name = "a.example";
  std::vector<std::string> alpn = {};
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string ciphers12 = {};
  std::string root_pem = {};  // verified against when given
  Session session = {};
  CertificatePtr certificate = {};  // to show when asked; null: none
  std::uint8_t max_fragment = 0;  // code of RFC 6066 §4; 0: the extension is not sent
  // A key share for the first of these only, so that a server that does not take it has the client retry; empty:
// OpenSSL's.
  std::string groups = {};
  std::vector<std::string> alpn_when_retrying = {};  // empty: the same
};

struct ClientSaw {
  bool connected = false;
  std::string problem;
  std::string fingerprint;  // of the certificate shown
  std::string alpn;
  std::string version;
  bool resumed = false;
  Session session;
  std::string received;
};

// A blocking client connection, for a peer's thread.
class TestClient {
 public:
  TestClient(int descriptor, const ClientWishes& wishes);
  bool connect();
  // Exactly so many bytes, or fewer at the end.
  std::string read(std::size_t count);
  bool write(std::string_view bytes);
  SSL* ssl() { return ssl_.get(); }
  ClientSaw saw();

 private:
  SslContextHandle context_;
  std::string alpn_when_retrying_;
  SslHandle ssl_;
  std::string problem_;
  std::string received_;
  bool connected_ = false;
};

// The server half of a test: what accept_tls gave, and the coroutine that goes on with it.
using Serve = std::function<Awaitable<void>(Stream&)>;
// The client half, in its own thread, connected or not.
using Drive = std::function<void(TestClient&)>;

struct Met {
  Result<AcceptedTls> server = Failure(FailureKind::internal, "not run");
  ClientSaw client;
};

// One connection from hello to end. By default the server says "hello" and ends, and the client reads that.
Met meet(std::shared_ptr<const ServerContext> context, ChooseCertificate choose, const ClientWishes& wishes = {},
         Serve serve = {}, Drive drive = {}, std::string early = {},
         std::shared_ptr<const ChallengeBoard> challenges = {}, ChooseContext choose_context = {});

// Writes one buffer.
Awaitable<error_code> send(Stream& stream, std::string_view bytes);

// Always this one.
ChooseCertificate only(CertificatePtr certificate);

// The bytes of OpenSSL's own ClientHello.
std::string client_hello_bytes(const ClientWishes& wishes);

}  // namespace gatehouse::tls
