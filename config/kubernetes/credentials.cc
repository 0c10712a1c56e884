#include "config/kubernetes/credentials.h"

#include "base/regular_file.h"
#include "tls/certificate.h"

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\n";
  const auto start = text.find_first_not_of(blanks);
  return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

bool is_token(const std::string& text) {
  constexpr std::size_t longest = 32 * 1024;
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

RereadText::RereadText(std::string what, TextOrFile source) : what_(std::move(what)), source_(std::move(source)) {}

Result<std::string> RereadText::text(TimePoint now, const Logger& log) {
  if (!in_file()) return source_.text;
  if (read_at_ && now < *read_at_ + age) return last_good_;
  auto read = read_regular_file(source_.file, tls::Certificate::max_pem_bytes);
  // The file may be looked at in the middle of being replaced.
  std::string trouble = read ? (trimmed(read->text).empty() ? "is empty" : "") : read.error().detail;
  if (trouble.empty()) last_good_ = std::move(read->text);
  if (trouble != trouble_ && !trouble.empty())
    log->warn("Kubernetes: the {}: {} {}{}", what_, source_.file, trouble,
              last_good_.empty() ? "" : "; what was read before stays in use");
  trouble_ = std::move(trouble);
  if (last_good_.empty()) return Failure(FailureKind::bad_configuration, source_.file + " " + trouble_);
  read_at_ = now;
  return last_good_;
}

Credentials::Credentials(const Access& access, Clock& clock, Logger log)
    : clock_(clock),
      log_(std::move(log)),
      speaks_tls_(access.server.starts_with("https://")),
      insecure_(access.insecure),
      server_name_(access.server_name),
      token_("token", access.token),
      ca_("API server's certificate authority", access.ca),
      certificate_("client certificate", access.certificate),
      key_("client certificate's key", access.key) {}

Result<std::string> Credentials::token() {
  auto read = token_.text(clock_.now(), log_);
  if (!read) return read;
  std::string token = trimmed(*read);
  if (!token.empty() && !is_token(token))
    return Failure(FailureKind::bad_configuration, "the token holds bytes that belong into none");
  return token;
}

Result<tls::ClientPolicy> Credentials::policy() {
  const TimePoint now = clock_.now();
  auto ca = ca_.text(now, log_);
  if (!ca) return ca.error();
  auto certificate = certificate_.text(now, log_);
  if (!certificate) return certificate.error();
  auto key = key_.text(now, log_);
  if (!key) return key.error();
  tls::ClientPolicy policy;
  policy.verify = !insecure_;
  policy.ca_pem = std::move(*ca);
  policy.server_name = server_name_;
  policy.certificate_pem = std::move(*certificate);
  policy.key_pem = std::move(*key);
  return policy;
}

Result<Credentials::Context> Credentials::tls() {
  if (!speaks_tls_) return Context();
  auto wanted = policy();
  if (!wanted) return wanted.error();
  if (!tried_ || *wanted != *tried_) {
    auto made = tls::make_client_context(*wanted);
    tried_ = std::move(*wanted);
    trouble_.reset();
    if (made) context_ = std::move(*made);
    if (!made) trouble_ = made.error();
    if (!made && context_) log_->warn("Kubernetes: {}; what was read before stays in use", made.error().detail);
  }
  if (!context_) return *trouble_;
  return context_;
}

void Credentials::doubt() {
  for (RereadText* text : {&token_, &ca_, &certificate_, &key_}) text->expire();
}

}  // namespace gatehouse::kubernetes
