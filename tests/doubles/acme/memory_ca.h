// A CA in memory that issues real certificates: RFC 8555 with every authorization valid from the start, and RFC 9773.
// It lives in the test's clock, and fails as it is told to. It checks no signatures.
#pragma once

#include "acme/client.h"
#include "acme/records.h"
#include "tls/certificate.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::acme {

class MemoryCa {
 public:
  MemoryCa(Clock& clock, std::string name);

  std::string directory_url() const { return base_ + "dir"; }
  Awaitable<Result<FetchResponse>> respond(FetchRequest request);

  Duration lifetime = std::chrono::hours(24 * 90);
  std::optional<FetchResponse> instead = {};  // of every answer: it is ill
  bool down = false;
  bool forgets_accounts = false;  // until one is made
  bool refuses_key_changes = false;
  std::optional<FetchResponse> refuse_orders = {};
  std::vector<std::string> signs_names = {};  // instead of those ordered
  bool signs_other_key = false;
  std::string refuses_contact = {};  // accounts with it are not made
  std::optional<std::pair<WallTime, WallTime>> window = {};  // of every certificate, until one is replaced
  bool keeps_window = false;  // also then
  bool reuses_orders = false;  // that are not finished, for the same names, as Let's Encrypt does
  std::string explanation = {};  // of the window
  std::string never_signs = {};  // an order with this name stays in processing

  std::size_t orders() const { return orders_.size(); }
  std::size_t accounts() const { return accounts_; }
  std::size_t key_changes() const { return key_changes_; }
  std::size_t requests() const { return requests_; }
  std::size_t questions() const { return questions_; }  // for windows
  const std::vector<std::string>& replaced() const { return replaced_; }
  bool is_asked_by(const std::string& url) const { return url.starts_with(base_); }

 private:
  struct Order {
    std::vector<std::string> names;
    std::string chain;
  };

  FetchResponse answer(const FetchRequest& request, const std::string& path, const std::string& payload);
  FetchResponse order_answer(std::size_t number, std::uint16_t status) const;
  std::string sign(const std::string& csr, const std::vector<std::string>& names) const;

  Clock& clock_;
  const std::string base_;
  tls::CertificatePtr root_;
  std::vector<Order> orders_;
  std::vector<std::string> replaced_;
  std::size_t accounts_ = 0, requests_ = 0, questions_ = 0, key_changes_ = 0;
};

}  // namespace gatehouse::acme
