#include "tls/challenge_board.h"

#include "tls/digest.h"
#include "tls/new_certificate.h"

#include <algorithm>

namespace gatehouse::tls {
namespace {

constexpr std::string_view challenge_path = "/.well-known/acme-challenge/";
constexpr auto validity = std::chrono::hours(24 * 7);
constexpr auto clock_skew = std::chrono::hours(24);

}  // namespace

bool is_challenge_token(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return text.size() >= 22 && text.size() <= 128 && std::all_of(text.begin(), text.end(), fits);
}

ChallengeBoard::ChallengeBoard(std::vector<HttpAnswer> http, std::vector<TlsAnswer> tls) {
  for (HttpAnswer& answer : http)
    if (is_challenge_token(answer.token))
      http_[std::move(answer.token)].push_back({answer.host.text(), std::move(answer.key_authorization)});
  for (TlsAnswer& answer : tls) tls_.try_emplace(answer.host.text(), std::move(answer.certificate));
}

const std::string* ChallengeBoard::http_answer(std::string_view host, std::string_view token) const {
  if (http_.empty()) return nullptr;
  const auto found = http_.find(token);
  if (found == http_.end()) return nullptr;
  for (const Known& known : found->second)
    if (known.host == host) return &known.key_authorization;
  return nullptr;
}

const std::string* ChallengeBoard::http_answer_to_path(std::string_view host, std::string_view path) const {
  if (http_.empty() || !path.starts_with(challenge_path)) return nullptr;
  return http_answer(host, path.substr(challenge_path.size()));
}

CertificatePtr ChallengeBoard::tls_answer(std::string_view server_name) const {
  if (tls_.empty()) return nullptr;
  const auto found = tls_.find(server_name);
  return found == tls_.end() ? nullptr : found->second;
}

Result<CertificatePtr> make_challenge_certificate(const HostName& host, std::string_view key_authorization,
                                                  WallTime now) {
  const NewCertificate wanted{.common_name = "ACME challenge",
                              .names = {host},
                              .not_before = now - clock_skew,
                              .not_after = now + validity,
                              .authority = false,
                              .acme_identifier = digest(Hash::sha256, key_authorization)};
  return make_certificate(wanted, nullptr);
}

}  // namespace gatehouse::tls
