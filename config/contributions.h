// Contributions: what all objects together contribute to a translation besides routes and certificates, from one
// translation to the next. Part of translation.
#pragma once

#include "config/translation_parts.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gatehouse {

class Contributions {
 public:
  using Sources = std::deque<SourceState>;

  // All anew.
  void take(Sources& sources, Contribution of_settings);
  // Where these contributed `before`, they contribute what they say now. An Ingress that is to go, or to be made anew,
  // is left first.
  void replace(Sources& sources, IngressPart& part, const Contribution& before);
  void remove(SourceState& source, const Contribution& before);
  void leave(IngressPart& part);

  // After any of these: puts the lists together, those that are others now, and forgets Secrets that nobody names.
  void gather(Sources& sources);

  // See Translation.
  const std::shared_ptr<const std::vector<Problem>>& problems() const { return problems_; }
  const std::shared_ptr<const std::vector<CertificateRequest>>& requests() const { return requests_; }
  const std::shared_ptr<const std::vector<std::string>>& names_to_resolve() const { return names_to_resolve_; }
  const std::vector<std::shared_ptr<const SecretNames>>& secrets_in_use() const { return secrets_in_use_; }

 private:
  void count(SourceState& source, const Contribution& given);
  void discount(SourceState& source, const Contribution& given);
  void list(IngressPart& part);
  void compare(const Contribution& before, const Contribution& after);
  void gather_secrets(Sources& sources);

  Contribution of_settings_;  // by entry points, and words about objects that are not ours
  std::set<IngressPart*> speaking_, asking_;  // those with problems, those with requests
  std::map<std::string, std::size_t> names_;  // to resolve, and how often
  bool problems_changed_ = false, requests_changed_ = false, names_changed_ = false, secrets_changed_ = false;
  std::shared_ptr<const std::vector<Problem>> problems_;
  std::shared_ptr<const std::vector<CertificateRequest>> requests_;
  std::shared_ptr<const std::vector<std::string>> names_to_resolve_;
  std::vector<std::shared_ptr<const SecretNames>> secrets_in_use_;
};

}  // namespace gatehouse
