#include "acme/record_coding.h"

#include "acme/record_fields.h"
#include "tls/challenge_board.h"
#include "tls/digest.h"

#include <algorithm>

namespace gatehouse::acme {
namespace {

constexpr std::size_t max_pem = 1024 * 1024;  // tls::Certificate takes no more
constexpr std::size_t max_key_pem = 64 * 1024;
constexpr std::size_t max_url = 4096;
constexpr std::size_t max_shown = 80;  // of a host in a record's name; file names end at 255

std::string file_part(std::string_view text) {
  std::string part;
  for (const char c : text.substr(0, max_shown)) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9') ||
                       ((small == '-' || small == '.') && !part.empty());
    part += plain ? small : '_';
  }
  return part.empty() ? "_" : part;
}

std::string short_hash(std::string_view text) { return tls::hex(tls::digest(tls::Hash::sha256, text).substr(0, 8)); }

std::string host_of_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find_first_of(":/?#")));
}

// The one that says most about a set, whatever order it was written in.
const HostName& shown(const std::vector<HostName>& names) {
  return *std::min_element(names.begin(), names.end(), [](const HostName& a, const HostName& b) {
    return std::pair(a.text().size(), a) < std::pair(b.text().size(), b);
  });
}

}  // namespace

std::string record_name(std::string_view resolver, const std::vector<HostName>& names) {
  std::string host = names.empty() ? "none" : shown(names).text();
  if (host.starts_with("*.")) host.replace(0, 1, "wildcard");
  return file_part(resolver) + "-" + file_part(host) + "-" + short_hash(std::string(resolver) + "\n" + set_hash(names));
}

std::string account_record_name(std::string_view resolver, std::string_view ca) {
  return file_part(resolver) + "-" + file_part(host_of_url(ca)) + "-" +
         short_hash(std::string(resolver) + "\n" + std::string(ca));
}

std::string ledger_record_name(std::string_view ca) { return file_part(host_of_url(ca)) + "-" + short_hash(ca); }

Record to_record(const Account& account, std::string_view resolver) {
  Record record{RecordKind::account, account_record_name(resolver, account.ca), {}};
  FieldWriter out(record);
  out.text("resolver", std::string(resolver));
  out.text("ca", account.ca);
  out.text("url", account.url);
  out.text("key", account.key_pem);
  if (!account.next_key_pem.empty()) out.text("next_key", account.next_key_pem);
  out.words("contact", account.contact);
  return record;
}

Result<Account> account(const Record& record) {
  FieldReader in(record, RecordKind::account);
  Account account;
  account.ca = in.word("ca", max_url);
  account.url = in.optional_word("url", max_url);
  account.key_pem = in.pem("key", max_key_pem);
  if (in.has("next_key")) account.next_key_pem = in.pem("next_key", max_key_pem);
  account.contact = in.words("contact", 16, max_url);
  return in.checked(std::move(account));
}

Record to_record(const PendingOrder& order) {
  Record record{RecordKind::order, record_name(order.resolver, order.names), {}};
  FieldWriter out(record);
  out.text("resolver", order.resolver);
  out.text("ca", order.ca);
  out.names("names", order.names);
  out.text("tls.key", order.key_pem);
  out.text("url", order.url);
  out.text("replaces", order.replaces);
  out.time("started", order.started);
  return record;
}

Result<PendingOrder> pending_order(const Record& record) {
  FieldReader in(record, RecordKind::order);
  PendingOrder order;
  order.resolver = in.word("resolver", max_url);
  order.ca = in.word("ca", max_url);
  order.names = in.names("names", max_names);
  order.key_pem = in.pem("tls.key", max_key_pem);
  order.url = in.optional_word("url", max_url);
  order.replaces = in.optional_word("replaces", max_url);
  order.started = in.time("started");
  return in.checked(std::move(order));
}

Record to_record(const StoredCertificate& certificate) {
  Record record{RecordKind::certificate, record_name(certificate.resolver, certificate.names), {}};
  FieldWriter out(record);
  out.text("resolver", certificate.resolver);
  out.text("ca", certificate.ca);
  out.names("names", certificate.names);
  out.text("tls.crt", certificate.chain_pem);
  out.text("tls.key", certificate.key_pem);
  out.time("stored", certificate.stored);
  if (const auto& window = certificate.window) {
    out.time("window_start", window->start);
    out.time("window_end", window->end);
    out.time("window_ask_again", window->ask_again);
    out.text("window_explanation", window->explanation_url);
  }
  if (certificate.unwanted_since) out.time("unwanted_since", *certificate.unwanted_since);
  if (certificate.renew_now) out.text("renew_now", "yes");
  if (certificate.revoked) out.text("revoked", "yes");
  if (certificate.hurried) out.text("hurried", "yes");
  return record;
}

Result<StoredCertificate> stored_certificate(const Record& record) {
  FieldReader in(record, RecordKind::certificate);
  StoredCertificate certificate;
  certificate.resolver = in.word("resolver", max_url);
  certificate.ca = in.optional_word("ca", max_url);
  certificate.names = in.names("names", max_names);
  certificate.chain_pem = in.pem("tls.crt", max_pem);
  certificate.key_pem = in.pem("tls.key", max_key_pem);
  certificate.stored = in.time("stored");
  if (in.has("window_start"))
    certificate.window = RenewalWindow{in.time("window_start"), in.time("window_end"), in.time("window_ask_again"),
                                       in.optional_word("window_explanation", max_url)};
  if (in.has("unwanted_since")) certificate.unwanted_since = in.time("unwanted_since");
  certificate.renew_now = in.flag("renew_now");
  certificate.revoked = in.flag("revoked");
  certificate.hurried = in.flag("hurried");
  return in.checked(std::move(certificate));
}

Record to_record(const PendingAnswer& answer) {
  const std::string identity = answer.type + "\n" + answer.host.text() + "\n" + answer.token;
  Record record{RecordKind::challenge, file_part(answer.host.text()) + "-" + short_hash(identity), {}};
  FieldWriter out(record);
  out.text("type", answer.type);
  out.names("names", {answer.host});
  out.text("token", answer.token);
  out.text("key_authorization", answer.key_authorization);
  out.text("order", answer.order);
  out.time("shown", answer.shown);
  return record;
}

Result<PendingAnswer> pending_answer(const Record& record) {
  FieldReader in(record, RecordKind::challenge);
  const auto hosts = in.names("names", 1);
  std::string type = in.word("type", 32);
  if (type != "http-01" && type != "tls-alpn-01") in.complain("type", "is no challenge that is answered here");
  std::string token = in.word("token", 128);
  if (!tls::is_challenge_token(token)) in.complain("token", "is malformed");
  std::string key_authorization = in.word("key_authorization", 256);
  std::string order = in.word("order", 256);
  const WallTime shown = in.time("shown");
  // A name has no empty value.
  if (hosts.empty()) return Failure(FailureKind::bad_configuration, record.name + ": field names holds no host");
  return in.checked(PendingAnswer{std::move(type), hosts[0], std::move(token), std::move(key_authorization),
                                  std::move(order), shown});
}

}  // namespace gatehouse::acme
