// DNS-01 by a web service of the operator's, called as lego's `httpreq` provider calls it:
//
//   POST URL/present  {"fqdn": "_acme-challenge.www.example.com.", "value": "…"}
//   POST URL/cleanup  the same
//
// An answer 2xx means done. The service has to leave other values of the name alone.
#pragma once

#include "acme/dns_solver.h"

#include <functional>

namespace gatehouse::acme {

struct WebhookSettings {
  std::string url;  // http or https; `/present` and `/cleanup` are appended to its path
  // At most one of both ways to authenticate.
  std::string user, password;  // Basic (RFC 7617)
  std::string token;           // Bearer (RFC 6750)
};

// POSTs and gives the answer's status; a failure when there was no answer. The wait is limited by who provides it.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;
using Post = std::function<Awaitable<Result<int>>(std::string url, std::string content_type, std::string body,
                                                  HeaderFields fields)>;

class WebhookSolver final : public DnsSolver {
 public:
  WebhookSolver(Clock& clock, DnsChallengeSettings dns, WebhookSettings settings, Post post)
      : DnsSolver(clock, std::move(dns)), settings_(std::move(settings)), post_(std::move(post)) {}

 private:
  Awaitable<Result<void>> add(HostName host, TxtValue value) override;
  Awaitable<Result<void>> remove(HostName host, TxtValue value) override;
  Awaitable<Result<void>> call(std::string action, TxtValue value);

  WebhookSettings settings_;
  Post post_;
};

}  // namespace gatehouse::acme
