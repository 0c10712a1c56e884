#include "acme/acme_json.h"

#include "acme/held_certificate.h"
#include "acme/record_coding.h"
#include "acme/time_text.h"
#include "base/base64.h"
#include "base/escape.h"
#include "tls/certificate.h"
#include "tls/key_import.h"

#include <boost/json.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

constexpr std::size_t max_problems = 1000;
constexpr std::size_t max_text = 2 * 1024 * 1024;  // of a base64 field
constexpr unsigned max_depth = 16;
constexpr std::size_t max_address = 320;  // of e-mail (RFC 3696 erratum 1690)

Failure bad(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

std::string shortened(std::string_view text) { return printable(text.substr(0, 100)); }

// Member access that does not care what it finds.
const json::object* object_of(const json::object& parent, std::string_view name) {
  const json::value* value = parent.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}
const json::array* array_of(const json::object& parent, std::string_view name) {
  const json::value* value = parent.if_contains(name);
  return value != nullptr ? value->if_array() : nullptr;
}
std::string_view text_of(const json::object& parent, std::string_view name, std::size_t max) {
  const json::value* value = parent.if_contains(name);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr && text->size() <= max ? std::string_view(*text) : std::string_view();
}

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::stream_parser parser({}, options);
  boost::system::error_code error;
  parser.write(text, error);
  if (!error) parser.finish(error);
  if (error) return bad("not JSON: " + error.message());
  return parser.release();
}

Result<Account> account_of(const json::object& entry) {
  auto der = from_base64(text_of(entry, "PrivateKey", max_text));
  if (!der) return bad("its private key is " + der.error().detail);
  auto key = tls::pkcs8_pem_from_der(*der);
  if (!key) return key.error();
  Account account;
  account.key_pem = std::move(*key);
  if (const auto* registration = object_of(entry, "Registration")) account.url = text_of(*registration, "uri", 4096);
  const bool plain_url =
      std::all_of(account.url.begin(), account.url.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!account.url.starts_with("https://") || !plain_url) return bad("it was not registered, or its URL is malformed");
  const std::string_view email = text_of(entry, "Email", max_address);
  const bool plain = std::all_of(email.begin(), email.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!email.empty() && plain) account.contact.push_back("mailto:" + std::string(email));
  return account;
}

Result<std::vector<HostName>> names_of(const json::object& entry) {
  const auto* domain = object_of(entry, "domain");
  if (domain == nullptr) return bad("it has no domain");
  std::vector<std::string_view> texts{text_of(*domain, "main", 256)};
  if (const auto* sans = array_of(*domain, "sans"))
    for (const auto& name : *sans) texts.push_back(name.is_string() ? std::string_view(name.as_string()) : "");
  if (texts.size() > max_names) return bad("it has more than " + std::to_string(max_names) + " names");
  std::vector<HostName> names;
  for (const auto text : texts) {
    auto name = HostName::parse_with_wildcard(text);
    if (!name) return name.error();
    if (std::find(names.begin(), names.end(), *name) == names.end()) names.push_back(std::move(*name));
  }
  return names;
}

Result<StoredCertificate> certificate_of(const std::string& resolver, const json::object& entry, WallTime now) {
  auto names = names_of(entry);
  if (!names) return names.error();
  auto chain = from_base64(text_of(entry, "certificate", max_text));
  if (!chain) return bad("its certificate is " + chain.error().detail);
  auto key = from_base64(text_of(entry, "key", max_text));
  if (!key) return bad("its key is " + key.error().detail);
  const auto certificate = tls::Certificate::from_pem(*chain, *key);
  if (!certificate) return certificate.error();
  // Written anew: whatever else stood in the texts is gone.
  StoredCertificate stored{resolver, {}, std::move(*names), (*certificate)->pem(), (*certificate)->key_pem(), now};
  const auto checked = held(stored);
  if (!checked) return checked.error();
  if (checked->validity.not_after <= now) return bad("it ended " + time_text(checked->validity.not_after));
  return stored;
}

class Import {
 public:
  explicit Import(WallTime now) : now_(now) {}

  void add_resolver(const std::string& name, const json::object& resolver) {
    if (const auto* entry = object_of(resolver, "Account")) {
      auto account = account_of(*entry);
      if (account)
        out_.accounts.push_back({name, std::move(*account)});
      else
        complain(name + ": the account is left out: " + account.error().detail);
    }
    const auto* certificates = array_of(resolver, "Certificates");
    if (certificates == nullptr) return;
    for (std::size_t i = 0; i < certificates->size(); ++i) add_certificate(name, i, (*certificates)[i]);
  }

  void complain(std::string_view words) {
    if (out_.problems.size() < max_problems) out_.problems.push_back(printable(words.substr(0, 500)));
  }

  AcmeJson take() { return std::move(out_); }

 private:
  void add_certificate(const std::string& resolver, std::size_t number, const json::value& value) {
    const json::object* entry = value.if_object();
    auto certificate = entry != nullptr ? certificate_of(resolver, *entry, now_)
                                        : Result<StoredCertificate>(bad("it is not an object"));
    if (certificate) {
      out_.certificates.push_back(std::move(*certificate));
      return;
    }
    const auto* domain = entry != nullptr ? object_of(*entry, "domain") : nullptr;
    const std::string main = domain != nullptr ? std::string(text_of(*domain, "main", 256)) : "";
    complain(resolver + ": certificate " + std::to_string(number + 1) + (main.empty() ? "" : " (" + main + ")") +
             " is left out: " + certificate.error().detail);
  }

  WallTime now_;
  AcmeJson out_;
};

}  // namespace

Result<AcmeJson> parse_acme_json(std::string_view text, WallTime now) {
  if (text.size() > max_acme_json_bytes) return bad("larger than 64 MiB");
  auto document = parse_json(text);
  if (!document) return document.error();
  const json::object* resolvers = document->if_object();
  if (resolvers == nullptr) return bad("not an acme.json: no object of resolvers");
  if (resolvers->contains("DomainsCertificate") || resolvers->contains("Account"))
    return bad("this acme.json is of Traefik 1; run Traefik's migration tool first");
  Import import(now);
  for (const auto& [name, value] : *resolvers) {
    const json::object* resolver = value.if_object();
    const bool plain = !name.empty() && name.size() <= 100 &&
                       std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (plain && resolver != nullptr)
      import.add_resolver(std::string(name), *resolver);
    else
      import.complain("'" + shortened(name) + "' is left out: it is no resolver");
  }
  return import.take();
}

}  // namespace gatehouse::acme
