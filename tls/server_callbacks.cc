#include "tls/server_callbacks.h"

#include "tls/client_hello.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cstring>
#include <exception>

namespace gatehouse::tls {
namespace {

const ServerContext& context_of(SSL* ssl) {
  return *static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

int refuse(ServerHandshake& handshake, std::string problem, int* alert, int why) {
  handshake.problem = std::move(problem);
  *alert = why;
  return SSL_CLIENT_HELLO_ERROR;
}

int show_challenge(ServerHandshake& handshake, SSL* ssl, int* alert) {
  SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);  // an authority that looks has no certificate to show
  if (handshake.challenges != nullptr) handshake.certificate = handshake.challenges->tls_answer(handshake.server_name);
  handshake.validates = handshake.certificate != nullptr;
  if (handshake.validates) return SSL_CLIENT_HELLO_SUCCESS;
  return refuse(handshake, "no challenge is pending for '" + handshake.server_name + "'", alert,
                SSL_AD_NO_APPLICATION_PROTOCOL);
}

// Goes on as if the connection had begun with that context. OpenSSL takes the certificate's callback, ciphers, trusted
// and announced authorities and the session id context over by itself (SSL_set_SSL_CTX), and leaves what it copied into
// the connection when that was made. It chooses version, cipher and session after this (statem_srvr.c).
bool use(SSL* ssl, const ServerContext& context) {
  SSL_CTX* const native = context.native();
  if (native == SSL_get_SSL_CTX(ssl)) return true;
  if (SSL_set_SSL_CTX(ssl, native) != native) return false;
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(native), nullptr);
  if ((SSL_CTX_get_options(native) & SSL_OP_NO_TICKET) != 0)
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
  else
    SSL_clear_options(ssl, SSL_OP_NO_TICKET);
  return SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(native)) == 1 &&
         SSL_set_min_proto_version(ssl, SSL_CTX_get_min_proto_version(native)) == 1 &&
         SSL_set_max_proto_version(ssl, SSL_CTX_get_max_proto_version(native)) == 1 &&
         SSL_set1_groups_list(ssl, context.curves().c_str()) == 1;
}

// Exactly one protocol, and that one (RFC 8737 §3): the list's length, the name's length, the name.
bool offers_challenge_protocol(SSL* ssl) {
  constexpr std::string_view only(
      "\0\x0b\x0a"
      "acme-tls/1",
      13);
  const unsigned char* body = nullptr;
  std::size_t size = 0;
  return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &body, &size) == 1 &&
         std::string_view(reinterpret_cast<const char*>(body), size) == only;
}

// A client that had to retry says the same as before but for what it was asked to change (RFC 8446 §4.1.2), which
// OpenSSL does not see to: who began as an authority that looks, and was asked for no certificate, has to end as one.
int on_second_hello(ServerHandshake& handshake, SSL* ssl, int* alert) {
  if (!handshake.validates || offers_challenge_protocol(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
  return refuse(handshake, "the second hello offers another protocol than the first", alert, SSL_AD_ILLEGAL_PARAMETER);
}

int on_client_hello(SSL* ssl, int* alert, void*) try {
  auto& handshake = *static_cast<ServerHandshake*>(SSL_get_app_data(ssl));
  if (handshake.certificate) return on_second_hello(handshake, ssl, alert);
  const unsigned char* body = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &body, &size) == 1) {
    auto name = parse_server_name(std::string_view(reinterpret_cast<const char*>(body), size));
    if (!name) return refuse(handshake, std::move(name.error().detail), alert, SSL_AD_DECODE_ERROR);
    handshake.server_name = *std::move(name);
  }
  if (offers_challenge_protocol(ssl)) return show_challenge(handshake, ssl, alert);
  if (handshake.choose_context) handshake.context = handshake.choose_context(handshake.server_name);
  if (handshake.context && !use(ssl, *handshake.context))
    return refuse(handshake, "the TLS options of the host cannot be used", alert, SSL_AD_INTERNAL_ERROR);
  handshake.certificate = handshake.choose(handshake.server_name);
  if (handshake.certificate) return SSL_CLIENT_HELLO_SUCCESS;
  const std::string problem = handshake.server_name.empty() ? "no certificate for a client that names no host"
                                                            : "no certificate for '" + handshake.server_name + "'";
  return refuse(handshake, problem, alert, SSL_AD_UNRECOGNIZED_NAME);
} catch (const std::exception&) {  // must not pass through OpenSSL
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

int on_certificate(SSL* ssl, void*) {
  const Certificate& chosen = *static_cast<ServerHandshake*>(SSL_get_app_data(ssl))->certificate;
  return SSL_use_cert_and_key(ssl, chosen.leaf(), chosen.key(), chosen.chain(), 1);
}

int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
            unsigned offered_size, void*) {
  if (static_cast<ServerHandshake*>(SSL_get_app_data(ssl))->validates) {
    if (offered_size != challenge_protocol.size() + 1) return SSL_TLSEXT_ERR_ALERT_FATAL;  // see on_second_hello
    *chosen = offered + 1;
    *chosen_size = challenge_protocol.size();
    return SSL_TLSEXT_ERR_OK;
  }
  const std::string& ours = context_of(ssl).alpn_wire();
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  // The result points into one of the two lists, both of which outlive the handshake.
  unsigned char* name = nullptr;
  const int verdict = SSL_select_next_proto(&name, chosen_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned>(ours.size()), offered, offered_size);
  *chosen = name;
  return verdict == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  auto* bytes = const_cast<std::uint8_t*>(key.mac_key.data());  // OSSL_PARAM has no const; it is only read
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, bytes, key.mac_key.size()),
                               OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int seal(const TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const auto set = keys.current();
  const TicketKey& key = set->front();
  std::memcpy(name, key.name.data(), key.name.size());
  const bool ready = RAND_bytes(iv, EVP_CIPHER_get_iv_length(keys.cipher())) == 1 &&
                     EVP_EncryptInit_ex(cipher, keys.cipher(), nullptr, key.cipher_key.data(), iv) == 1 &&
                     set_mac_key(mac, key);
  return ready ? 1 : -1;
}

int open(const TicketKeys& keys, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  constexpr int not_ours = 0, ours = 1, ours_but_renew = 2;
  const auto set = keys.current();
  for (const TicketKey& key : *set) {
    if (std::memcmp(name, key.name.data(), key.name.size()) != 0) continue;
    const bool ready =
        EVP_DecryptInit_ex(cipher, keys.cipher(), nullptr, key.cipher_key.data(), iv) == 1 && set_mac_key(mac, key);
    if (!ready) return -1;
    return &key == &set->front() ? ours : ours_but_renew;
  }
  return not_ours;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
  constexpr int no_ticket = 0;
  if (context_of(ssl).ticket_keys() == nullptr) return no_ticket;
  const TicketKeys& keys = *context_of(ssl).ticket_keys();
  return sealing == 1 ? seal(keys, name, iv, cipher, mac) : open(keys, name, iv, cipher, mac);
}

}  // namespace

void set_server_callbacks(const ServerContext& context) {
  SSL_CTX* native = context.native();
  SSL_CTX_set_app_data(native, const_cast<ServerContext*>(&context));  // OpenSSL keeps it as void*
  SSL_CTX_set_client_hello_cb(native, on_client_hello, nullptr);
  SSL_CTX_set_cert_cb(native, on_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(native, on_alpn, nullptr);
  if (context.ticket_keys() != nullptr) SSL_CTX_set_tlsext_ticket_key_evp_cb(native, on_ticket);
}

}  // namespace gatehouse::tls
