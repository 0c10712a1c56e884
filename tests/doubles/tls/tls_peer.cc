#include "tests/doubles/tls/tls_peer.h"

#include "tls/alpn.h"
#include "tls/internal_ca.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

namespace gatehouse::tls {
namespace {

Socket adopt(asio::io_context& io, int descriptor) {
  return Socket(io, asio::generic::stream_protocol(AF_UNIX, 0), descriptor);
}

std::pair<int, int> connected_pair() {
  int both[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0) throw std::runtime_error("socketpair");
  const timeval limit{10, 0};
  ::setsockopt(both[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(both[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return {both[0], both[1]};
}

SslContextHandle client_context(const ClientWishes& wishes) {
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), wishes.min_version);
  SSL_CTX_set_max_proto_version(context.get(), wishes.max_version);
  if (!wishes.ciphers12.empty()) SSL_CTX_set_cipher_list(context.get(), wishes.ciphers12.c_str());
  if (wishes.min_version < TLS1_2_VERSION) SSL_CTX_set_security_level(context.get(), 0);
  if (!wishes.root_pem.empty()) {
    const BioHandle bio = reading_bio(wishes.root_pem);
    const X509Handle root(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

void set_wishes(SSL* ssl, const ClientWishes& wishes) {
  if (!wishes.server_name.empty()) SSL_set_tlsext_host_name(ssl, wishes.server_name.c_str());
  if (wishes.max_fragment != 0) SSL_set_tlsext_max_fragment_length(ssl, wishes.max_fragment);
  if (!wishes.root_pem.empty()) SSL_set1_host(ssl, wishes.server_name.c_str());
  const std::string wire = *alpn_wire(wishes.alpn);
  if (!wire.empty())
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wire.data()), static_cast<unsigned>(wire.size()));
  if (!wishes.groups.empty()) SSL_set1_groups_list(ssl, wishes.groups.c_str());
  if (wishes.session) SSL_set_session(ssl, wishes.session.get());
  if (const auto& own = wishes.certificate) SSL_use_cert_and_key(ssl, own->leaf(), own->key(), own->chain(), 1);
}

Awaitable<void> say_hello(Stream& stream) {
  const error_code error = co_await send(stream, "hello");
  if (!error) co_await stream.shutdown_write();
  char byte;
  const asio::mutable_buffer rest(&byte, 1);
  const auto end = co_await stream.read_some(rest);
  (void)end;  // whatever the client does last
}

Awaitable<void> serve_one(PlainStream& under, std::shared_ptr<const ServerContext> context, ChooseCertificate choose,
                          Serve serve, std::shared_ptr<const ChallengeBoard> challenges, ChooseContext choose_context,
                          Result<AcceptedTls>& result) {
  result = co_await accept_tls(under, context, choose, challenges, choose_context);
  if (result) co_await serve(*result->stream);
  if (result) result->stream.reset();
  under.close();
}

}  // namespace

Awaitable<error_code> send(Stream& stream, std::string_view bytes) {
  asio::const_buffer buffer(bytes.data(), bytes.size());
  co_return co_await stream.write(std::span(&buffer, 1));
}

WallTime test_now() { return WallTime(std::chrono::seconds(1'767'225'600)); }

HostName host(std::string_view text) { return HostName::parse_with_wildcard(text).value(); }

std::vector<HostName> hosts(const std::vector<std::string>& texts) {
  std::vector<HostName> all;
  for (const auto& text : texts) all.push_back(host(text));
  return all;
}

CertificatePtr certificate_for(const std::vector<std::string>& names) {
  return make_self_signed(hosts(names), SystemClock().wall_now()).value();
}

SocketPair::SocketPair(asio::io_context& io)
    : ours([&] {
        const auto [mine, other] = connected_pair();
        theirs = other;
        return adopt(io, mine);
      }()) {}

SocketPair::~SocketPair() {
  if (theirs >= 0) ::close(theirs);
}

namespace {

// What the server answers first may be that the client has to retry: it offers other protocols then.
void change_alpn(int written, int, int content_type, const void* message, std::size_t size, SSL* ssl, void* wire) {
  const auto& protocols = *static_cast<const std::string*>(wire);
  if (written == 0 && content_type == SSL3_RT_HANDSHAKE && size > 0 &&
      *static_cast<const unsigned char*>(message) == SSL3_MT_SERVER_HELLO)
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
}

}  // namespace

TestClient::TestClient(int descriptor, const ClientWishes& wishes)
    : context_(client_context(wishes)),
      alpn_when_retrying_(*alpn_wire(wishes.alpn_when_retrying)),
      ssl_(SSL_new(context_.get())) {
  if (!alpn_when_retrying_.empty()) {
    SSL_set_msg_callback(ssl_.get(), change_alpn);
    SSL_set_msg_callback_arg(ssl_.get(), &alpn_when_retrying_);
  }
  sigset_t broken_pipe;  // OpenSSL writes without MSG_NOSIGNAL
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  set_wishes(ssl_.get(), wishes);
  SSL_set_fd(ssl_.get(), descriptor);
}

bool TestClient::connect() {
  connected_ = SSL_connect(ssl_.get()) == 1;
  if (!connected_) problem_ = take_error();
  clear_errors();
  return connected_;
}

std::string TestClient::read(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t size = 0, n = 0;
  while (size < count && SSL_read_ex(ssl_.get(), bytes.data() + size, count - size, &n) == 1) size += n;
  clear_errors();
  bytes.resize(size);
  received_ += bytes;
  return bytes;
}

bool TestClient::write(std::string_view bytes) {
  std::size_t n = 0;
  const bool whole = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n) == 1;
  clear_errors();
  return whole;
}

ClientSaw TestClient::saw() {
  ClientSaw saw;
  saw.connected = connected_;
  saw.problem = problem_;
  saw.received = received_;
  saw.version = SSL_get_version(ssl_.get());
  saw.resumed = SSL_session_reused(ssl_.get()) == 1;
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  saw.alpn.assign(reinterpret_cast<const char*>(name), size);
  if (SSL_SESSION* session = SSL_get1_session(ssl_.get())) saw.session = Session(session, SSL_SESSION_free);
  if (const X509* shown = SSL_get0_peer_certificate(ssl_.get())) {
    unsigned char digest[32];
    unsigned digest_size = 0;
    X509_digest(shown, EVP_sha256(), digest, &digest_size);
    for (const unsigned char byte : digest) {
      constexpr std::string_view digits = "0123456789abcdef";
      saw.fingerprint += digits[byte >> 4];
      saw.fingerprint += digits[byte & 15];
    }
  }
  return saw;
}

Met meet(std::shared_ptr<const ServerContext> context, ChooseCertificate choose, const ClientWishes& wishes,
         Serve serve, Drive drive, std::string early, std::shared_ptr<const ChallengeBoard> challenges,
         ChooseContext choose_context) {
  asio::io_context io;
  SocketPair pair(io);
  if (!serve) serve = say_hello;
  if (!drive) drive = [](TestClient& client) { client.read(5); };
  Met met;
  pair.ours.unread(early);
  asio::co_spawn(io, serve_one(pair.ours, context, choose, serve, challenges, choose_context, met.server),
                 asio::detached);
  std::thread thread([&] {
    TestClient client(pair.theirs, wishes);
    client.connect();
    drive(client);
    met.client = client.saw();
    SSL_shutdown(client.ssl());
    clear_errors();
    ::shutdown(pair.theirs, SHUT_RDWR);
  });
  io.run();
  thread.join();
  return met;
}

ChooseCertificate only(CertificatePtr certificate) {
  return [certificate](std::string_view) { return certificate; };
}

std::string client_hello_bytes(const ClientWishes& wishes) {
  const SslContextHandle context = client_context(wishes);
  const SslHandle ssl(SSL_new(context.get()));
  set_wishes(ssl.get(), wishes);
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_connect(ssl.get());
  clear_errors();
  return written(*SSL_get_wbio(ssl.get()));
}

}  // namespace gatehouse::tls
