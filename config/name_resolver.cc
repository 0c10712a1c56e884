#include "config/name_resolver.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

namespace gatehouse {

NameResolver::NameResolver(asio::any_io_executor executor, Clock& clock, ResolveName resolve,
                           std::function<void()> on_change)
    : executor_(executor), clock_(clock), resolve_(std::move(resolve)), on_change_(std::move(on_change)) {}

void NameResolver::want(const std::vector<std::string>& names) {
  std::map<std::string, std::shared_ptr<Name>> wanted;
  for (const auto& text : names)
    if (auto known = names_.extract(text)) wanted.insert(std::move(known));
  for (auto& [text, name] : names_) {
    name->wanted = false;
    addresses_.erase(text);
  }
  names_ = std::move(wanted);
  for (const auto& text : names) {
    auto& name = names_[text];
    if (name) continue;
    name = std::make_shared<Name>();
    name->text = text;
    asio::co_spawn(executor_, keep_fresh(name), asio::detached);
  }
}

Awaitable<void> NameResolver::keep_fresh(std::shared_ptr<Name> name) {
  while (name->wanted) {
    auto answer = co_await resolve_(name->text);
    if (!name->wanted) co_return;
    Duration wait = take(*name, std::move(answer));
    co_await clock_.sleep_until(clock_.now() + wait);
  }
}

// Returns how long to wait before asking again.
Duration NameResolver::take(Name& name, Result<Addresses> answer) {
  bool was_pending = pending();
  name.asked = true;
  std::string trouble = answer ? "" : answer.error().detail;
  bool news = trouble != name.trouble;
  name.trouble = std::move(trouble);
  Duration wait = refresh_every;
  if (answer) {
    std::sort(answer->begin(), answer->end());
    answer->erase(std::unique(answer->begin(), answer->end()), answer->end());
    auto& known = addresses_[name.text];
    news = news || known != *answer;
    known = std::move(*answer);
    name.retry = first_retry;
  } else {
    wait = std::exchange(name.retry, std::min(2 * name.retry, refresh_every));
  }
  if (news || (was_pending && !pending())) on_change_();
  return wait;
}

bool NameResolver::pending() const {
  return std::any_of(names_.begin(), names_.end(), [](const auto& entry) { return !entry.second->asked; });
}

std::vector<Problem> NameResolver::problems() const {
  std::vector<Problem> problems;
  for (const auto& [text, name] : names_) {
    if (name->trouble.empty()) continue;
    bool served = addresses_.contains(text);
    problems.push_back({"", 0, 0, served ? Severity::warning : Severity::error, "ExternalName " + text,
                        "cannot be resolved: " + name->trouble + (served ? "; its last addresses stay in force" : "")});
  }
  return problems;
}

}  // namespace gatehouse
