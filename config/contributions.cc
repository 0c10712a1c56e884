#include "config/contributions.h"

#include "config/ingress_translation.h"
#include "config/problem_list.h"

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

template <class T>
void replace_unless_equal(std::shared_ptr<const T>& known, T value) {
  if (!known || *known != value) known = std::make_shared<const T>(std::move(value));
}

template <class T>
void append(std::vector<T>& all, const std::vector<T>& some) {
  all.insert(all.end(), some.begin(), some.end());
}

void put_or_erase(std::set<IngressPart*>& parts, IngressPart& part, bool belongs) {
  if (belongs)
    parts.insert(&part);
  else
    parts.erase(&part);
}

}  // namespace

void Contributions::take(Sources& sources, Contribution of_settings) {
  of_settings_ = std::move(of_settings);
  speaking_.clear();
  asking_.clear();
  names_.clear();
  for (SourceState& source : sources) {
    for (auto& [name, secret] : source.secrets.known) secret.named = 0;
    count(source, source.given);
    for (auto& [name, part] : source.ingresses) {
      count(source, part.given);
      list(part);
    }
  }
  problems_changed_ = requests_changed_ = names_changed_ = secrets_changed_ = true;
}

void Contributions::replace(Sources& sources, IngressPart& part, const Contribution& before) {
  discount(sources[part.source], before);
  count(sources[part.source], part.given);
  list(part);
  compare(before, part.given);
}

void Contributions::remove(SourceState& source, const Contribution& before) {
  discount(source, before);
  compare(before, {});
}

void Contributions::leave(IngressPart& part) {
  speaking_.erase(&part);
  asking_.erase(&part);
}

void Contributions::compare(const Contribution& before, const Contribution& after) {
  problems_changed_ = problems_changed_ || before.problems != after.problems;
  requests_changed_ = requests_changed_ || before.requests != after.requests;
  names_changed_ = names_changed_ || before.names != after.names;
  secrets_changed_ = secrets_changed_ || before.secrets != after.secrets;
}

void Contributions::count(SourceState& source, const Contribution& given) {
  for (const std::string& name : given.names) ++names_[name];
  for (const ObjectName& name : given.secrets) ++source.secrets.known[name].named;
}

void Contributions::discount(SourceState& source, const Contribution& given) {
  for (const std::string& name : given.names)
    if (const auto found = names_.find(name); --found->second == 0) names_.erase(found);
  for (const ObjectName& name : given.secrets) --source.secrets.known[name].named;
}

void Contributions::list(IngressPart& part) {
  put_or_erase(speaking_, part, !part.given.problems.empty());
  put_or_erase(asking_, part, !part.given.requests.empty());
}

void Contributions::gather(Sources& sources) {
  if (std::exchange(problems_changed_, false)) {
    std::vector<Problem> all = of_settings_.problems;
    for (const SourceState& source : sources) append(all, source.given.problems);
    for (const IngressPart* part : speaking_) append(all, part->given.problems);
    replace_unless_equal(problems_, in_order(std::move(all)));
  }
  if (std::exchange(requests_changed_, false)) {
    std::vector<CertificateRequest> all = of_settings_.requests;
    for (const SourceState& source : sources) append(all, source.given.requests);
    for (const Turn& turn : total_order(by_name({asking_.begin(), asking_.end()})))
      append(all, turn.part->given.requests);
    replace_unless_equal(requests_, std::move(all));
  }
  if (std::exchange(names_changed_, false)) {
    std::vector<std::string> all;
    for (const auto& [name, times] : names_) all.push_back(name);
    replace_unless_equal(names_to_resolve_, std::move(all));
  }
  if (std::exchange(secrets_changed_, false)) gather_secrets(sources);
}

void Contributions::gather_secrets(Sources& sources) {
  secrets_in_use_.resize(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto& [known, awaited] = sources[i].secrets;
    std::erase_if(known, [](const auto& entry) { return entry.second.named == 0; });
    std::erase_if(awaited, [&known = known](const ObjectName& name) { return !known.contains(name); });
    SecretNames names;
    for (const auto& [name, secret] : known) names.insert(names.end(), name);
    replace_unless_equal(secrets_in_use_[i], std::move(names));
  }
}

}  // namespace gatehouse
