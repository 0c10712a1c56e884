#include "tests/doubles/acme/memory_ca.h"

#include "acme/json.h"
#include "acme/time_text.h"
#include "base/base64.h"
#include "tests/doubles/acme/scripted_ca.h"
#include "tls/new_certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
template <class T, void (*release)(T*)>
using Handle = std::unique_ptr<T, Release<T, release>>;

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) throw std::runtime_error("extension");
}

std::string pem_of(X509* certificate) {
  const Handle<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

MemoryCa::MemoryCa(Clock& clock, std::string name)
    : clock_(clock),
      base_("https://" + name + ".test/"),
      root_(tls::make_certificate({.common_name = name,
                                   .names = {},
                                   .not_before = clock.wall_now() - std::chrono::hours(24),
                                   .not_after = clock.wall_now() + std::chrono::hours(24 * 3650),
                                   .authority = true},
                                  nullptr)
                .value()) {}

Awaitable<Result<FetchResponse>> MemoryCa::respond(FetchRequest request) {
  ++requests_;
  if (down) co_return Failure(FailureKind::connect_failed, "nobody answers at " + base_);
  if (instead) co_return *instead;
  const auto jws = parse_object(request.body);
  const std::string payload = jws ? from_base64url(text_at(*jws, "payload")).value() : std::string();
  co_return answer(request, request.url.substr(base_.size()), payload);
}

FetchResponse MemoryCa::answer(const FetchRequest&, const std::string& path, const std::string& payload) {
  if (path == "dir")
    return said(200, json::serialize(json::object{{"newNonce", base_ + "nonce"},
                                                  {"newAccount", base_ + "account"},
                                                  {"newOrder", base_ + "order"},
                                                  {"revokeCert", base_ + "revoke"},
                                                  {"keyChange", base_ + "change"},
                                                  {"renewalInfo", base_ + "window"}}));
  if (path == "nonce") return said(200, "");
  if (path == "account" && !refuses_contact.empty() && payload.find(refuses_contact) != std::string::npos)
    return refused(403, "unauthorized");
  if (path == "account" && payload.find("onlyReturnExisting") != std::string::npos)
    return refused(400, "accountDoesNotExist");
  if (path == "account") {
    ++accounts_;
    forgets_accounts = false;
    return said(201, R"({"status":"valid"})", {{"Location", base_ + "account/1"}});
  }
  if (forgets_accounts) return refused(400, "accountDoesNotExist");
  if (path == "change" && refuses_key_changes) return refused(409, "malformed");
  if (path == "change") {
    ++key_changes_;
    return said(200, "");
  }
  if (path.starts_with("account/")) return said(200, R"({"status":"valid"})");
  if (path == "order") {
    if (refuse_orders) return *refuse_orders;
    const auto wanted = parse_object(payload).value();
    Order order;
    for (const auto& identifier : objects_at(wanted, "identifiers"))
      order.names.push_back(text_at(identifier, "value"));
    for (std::size_t known = 0; reuses_orders && known < orders_.size(); ++known)
      if (orders_[known].chain.empty() && orders_[known].names == order.names) return order_answer(known, 201);
    if (wanted.contains("replaces") && !keeps_window) window.reset();
    if (wanted.contains("replaces")) replaced_.push_back(text_at(wanted, "replaces"));
    orders_.push_back(std::move(order));
    return order_answer(orders_.size() - 1, 201);
  }
  if (path == "revoke") return said(200, "");
  if (path.starts_with("window/")) {
    ++questions_;
    if (!window) return refused(404, "malformed");
    return said(200,
                json::serialize(json::object{{"suggestedWindow", json::object{{"start", time_text(window->first)},
                                                                              {"end", time_text(window->second)}}},
                                             {"explanationURL", explanation}}),
                {{"Retry-After", "21600"}});
  }
  const auto number = static_cast<std::size_t>(std::stoul(path.substr(path.find('/') + 1)));
  if (path.starts_with("finalize/")) {
    const auto csr = from_base64url(text_at(parse_object(payload).value(), "csr")).value();
    orders_.at(number).chain = sign(csr, signs_names.empty() ? orders_.at(number).names : signs_names);
  }
  if (path.starts_with("certificate/")) return said(200, orders_.at(number).chain);
  return order_answer(number, 200);
}

FetchResponse MemoryCa::order_answer(std::size_t number, std::uint16_t status) const {
  const Order& order = orders_.at(number);
  json::array identifiers;
  for (const auto& name : order.names) identifiers.push_back(json::object{{"type", "dns"}, {"value", name}});
  const bool stuck = std::find(order.names.begin(), order.names.end(), never_signs) != order.names.end();
  json::object body{{"status", order.chain.empty() ? "ready"
                               : stuck             ? "processing"
                                                   : "valid"},
                    {"identifiers", std::move(identifiers)},
                    {"authorizations", json::array{base_ + "authorization/" + std::to_string(number)}},
                    {"finalize", base_ + "finalize/" + std::to_string(number)}};
  if (!order.chain.empty()) body["certificate"] = base_ + "certificate/" + std::to_string(number);
  return said(status, json::serialize(body), {{"Location", base_ + "orders/" + std::to_string(number)}});
}

std::string MemoryCa::sign(const std::string& csr, const std::vector<std::string>& names) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(csr.data());
  const Handle<X509_REQ, X509_REQ_free> request(d2i_X509_REQ(nullptr, &bytes, static_cast<long>(csr.size())));
  if (!request) throw std::runtime_error("no request");
  const Handle<X509, X509_free> leaf(X509_new());
  const WallTime now = clock_.wall_now();
  X509_set_version(leaf.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(leaf.get()), static_cast<long>(1000 + requests_));
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(root_->leaf()));
  ASN1_TIME_set(X509_getm_notBefore(leaf.get()), WallTime::clock::to_time_t(now));
  ASN1_TIME_set(X509_getm_notAfter(leaf.get()),
                WallTime::clock::to_time_t(now + std::chrono::duration_cast<WallTime::duration>(lifetime)));
  X509_set_pubkey(leaf.get(), signs_other_key ? root_->key() : X509_REQ_get0_pubkey(request.get()));
  std::string alternatives;
  for (const auto& name : names) alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
  add_extension(leaf.get(), root_->leaf(), NID_subject_alt_name, alternatives);
  add_extension(leaf.get(), root_->leaf(), NID_authority_key_identifier, "keyid:always");
  if (X509_sign(leaf.get(), root_->key(), EVP_sha256()) == 0) throw std::runtime_error("not signed");
  return pem_of(leaf.get()) + pem_of(root_->leaf());
}

}  // namespace gatehouse::acme
