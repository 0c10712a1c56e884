#include "acme/renewals.h"

#include "acme/directory_place.h"
#include "acme/status_metrics.h"
#include "base/escape.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

Awaitable<void> keep_running(std::shared_ptr<Renewal> renewal) { co_await renewal->run(); }

}  // namespace

Renewals::Renewals(Ports ports) : ports_(std::move(ports)), board_(std::make_shared<Board>(ports_.challenges)) {}

Renewals::~Renewals() {
  *alive_ = false;
  stop();
  keys_->stop();
}

void Renewals::use(const std::map<std::string, ResolverSettings>& resolvers) {
  std::map<std::string, std::shared_ptr<Resolver>> made;
  std::map<std::string, std::map<std::string, std::shared_ptr<Resolver>>> by_storage;
  for (const auto& [name, settings] : resolvers) {
    if (!settings.acme) continue;
    auto resolver = make_resolver(name, *settings.acme);
    auto& there = by_storage[settings.acme->storage];
    if (resolver) made[name] = there[name] = std::move(resolver);
  }
  resolvers_ = std::move(made);
  for (auto& [storage, renewal] : renewals_)
    if (!by_storage.contains(storage)) renewal->stop();
  std::erase_if(renewals_, [&](const auto& entry) { return !by_storage.contains(entry.first); });
  std::erase_if(statuses_, [&](const auto& entry) { return !by_storage.contains(entry.first); });
  for (auto& [storage, some] : by_storage) renewal_of(storage)->use(std::move(some));
  hand_out();
  show_answers();
}

std::shared_ptr<Resolver> Renewals::make_resolver(const std::string& name, const AcmeSettings& settings) {
  auto resolver = Resolver::make(name, settings, {ports_.clock, board_, ports_.fetch, keys_});
  if (resolver) return *resolver;
  ports_.log->error("certificatesResolvers.{}.acme: {}", printable(name), printable(resolver.error().detail));
  const auto before = resolvers_.find(name);
  return before == resolvers_.end() ? nullptr : before->second;
}

std::shared_ptr<Renewal> Renewals::renewal_of(const std::string& storage) {
  auto& renewal = renewals_[storage];
  if (renewal) return renewal;
  const auto if_alive = [alive = alive_](auto then) {
    return [alive, then](const auto&... values) {
      if (*alive) then(values...);
    };
  };
  Renewal::Ports ports{ports_.clock,
                       ports_.log,
                       if_alive([this] { hand_out(); }),
                       if_alive([this] { show_answers(); }),
                       if_alive([this, storage](const RenewalStatus& status) { count(storage, status); }),
                       ports_.options,
                       ports_.reported};
  auto place = ports_.place ? ports_.place(storage) : nullptr;
  if (!place) place = std::make_shared<DirectoryPlace>(storage, ports_.options.open_again);
  renewal = std::make_shared<Renewal>(ports_.executor, std::move(place), std::move(ports));
  renewal->load();
  asio::co_spawn(ports_.executor, keep_running(renewal), [log = ports_.log](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
  return renewal;
}

void Renewals::want(const std::vector<CertificateRequest>& requests) {
  for (auto& [storage, renewal] : renewals_) renewal->want(requests);
}

void Renewals::stop() {
  for (auto& [storage, renewal] : renewals_) renewal->stop();
}

void Renewals::hand_out() {
  std::vector<ObtainedCertificate> all;
  for (const auto& [storage, renewal] : renewals_) {
    auto some = renewal->certificates();
    all.insert(all.end(), some.begin(), some.end());
  }
  ports_.certificates(std::move(all));
}

void Renewals::show_answers() {
  std::vector<PendingAnswer> all;
  for (const auto& [storage, renewal] : renewals_) {
    auto some = renewal->answers();
    all.insert(all.end(), some.begin(), some.end());
  }
  board_->show_kept(all, ports_.clock.wall_now());
}

bool Renewals::loaded() const {
  return std::all_of(renewals_.begin(), renewals_.end(), [](const auto& entry) { return entry.second->loaded(); });
}

void Renewals::count(const std::string& storage, const RenewalStatus& status) {
  statuses_[storage] = status;
  metrics_ = std::make_shared<const std::string>(status_metrics(statuses_));
}

}  // namespace gatehouse::acme
