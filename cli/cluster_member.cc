#include "cli/cluster_member.h"

#include "acme/secret_place.h"
#include "config/kubernetes/watcher.h"
#include "config/problem_reasons.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <random>

namespace gatehouse {

using namespace kubernetes;

namespace {

double chance() {
  thread_local std::minstd_rand dice(std::random_device{}());
  return std::uniform_real_distribution<>(0, 1)(dice);
}

}  // namespace

// The watch of our own Secrets, told to the place they are kept in.
class SecretFeed final : private WatchSink {
 public:
  SecretFeed(std::shared_ptr<acme::SecretPlace> place, asio::any_io_executor executor, Clock& clock, ApiStream stream,
             Logger log, ListWatch::Options options)
      : kept_in_(std::move(place)),
        watcher_({std::move(executor), clock, std::move(stream), std::move(log), *this, chance}, std::move(options)) {}

  const std::shared_ptr<acme::SecretPlace>& kept_in() const { return kept_in_; }
  Awaitable<void> run() { return watcher_.run(); }
  void stop() { watcher_.stop(); }

 private:
  void list_began() override { kept_in_->list_began(); }
  void seen(const Value& object) override { kept_in_->seen(acme::raw_secret(object)); }
  void gone(const Value& object) override { kept_in_->gone(acme::raw_secret(object)); }
  void unreadable(const Value&, const std::string&) override {}  // loading tells of it
  void list_complete() override { kept_in_->list_complete(); }
  void absent() override {}

  const std::shared_ptr<acme::SecretPlace> kept_in_;
  Watcher watcher_;
};

ClusterMember::ClusterMember(Access access, KubernetesSettings settings, MemberIdentity identity, Ports ports)
    : settings_(std::move(settings)),
      identity_(std::move(identity)),
      ports_(std::move(ports)),
      client_({ports_.io, ports_.deadlines, ports_.clock, ports_.resolve, ports_.log}, std::move(access)),
      cluster_(std::make_shared<Cluster>(
          Cluster::Ports{ports_.io.get_executor(), ports_.clock, client_.streamer(), ports_.log},
          cluster_options(settings_))),
      published_(*cluster_, settings_.reports, identity_.pod),
      loops_(ports_.io.get_executor(), ports_.clock),
      writing_status_(ports_.io.get_executor(), ports_.clock),
      electing_(ports_.io.get_executor(), ports_.clock) {
  const auto executor = ports_.io.get_executor();
  if (settings_.leader_election.enabled) {
    election_ =
        std::make_shared<LeaderElection>(lease_terms(settings_.leader_election, identity_),
                                         LeaderElection::Ports{executor, ports_.clock, ports_.log, client_.caller(),
                                                               [this](bool) { leadership_changed(); }});
  }
  if (settings_.reports.events)
    events_ = std::make_shared<Events>(
        Events::Ports{executor, ports_.clock, ports_.log, client_.caller(), identity_.pod.name});
  take_report();
  if (!settings_.reports.update_status) return;
  const auto given_up = [this](const ObjectName& ingress) {
    tell(ObjectKey{Kind::ingress, ingress}.text(), reasons::status_contested,
         "another controller rewrites status.loadBalancer again and again: it is left alone for an hour", true);
  };
  status_ = std::make_shared<IngressStatus>(IngressStatus::Ports{
      executor, ports_.clock, ports_.log, client_.caller(), [this] { return published_.address(); },
      [this](const std::set<ObjectName>* among) {
        return published_.ours(ports_.reload.cluster_rules().classes, among);
      },
      given_up});
}

ClusterMember::~ClusterMember() = default;

ClusterSource ClusterMember::source() {
  ClusterSource source;
  source.objects = [this]() -> const ClusterObjects& { return cluster_->objects(); };
  source.has_synced = [this] { return cluster_->has_synced(); };
  source.problems = [this] { return cluster_->problems(); };
  // Of half the routes no Secret can be known to be unwanted.
  source.want_secrets = [this](const SecretNames& names) {
    if (!cluster_->listed()) return false;
    cluster_->want_secrets({names.begin(), names.end()});
    return true;
  };
  source.secret_awaited = [this](const ObjectName& name) { return cluster_->awaits(name); };
  source.take_touched = [this] { return cluster_->take_touched(); };
  return source;
}

std::shared_ptr<acme::Place> ClusterMember::place() {
  if (secrets_) return secrets_->kept_in();
  const acme::SecretOwner owner{identity_.pod.ns, settings_.leader_election.name};
  auto kept_in = std::make_shared<acme::SecretPlace>(
      owner, acme::SecretPlace::Ports{client_.caller(), ports_.clock, [this] { return leading(); }},
      acme::SecretPlace::Options{});
  ListWatch::Options options;
  options.path = "/api/v1/namespaces/" + owner.name_space + "/secrets";
  options.selectors = "labelSelector=gatehouse.dev%2Frecord,app.kubernetes.io%2Finstance%3D" + owner.instance;
  options.kind = "Secret";
  secrets_ = std::make_shared<SecretFeed>(std::move(kept_in), ports_.io.get_executor(), ports_.clock,
                                          client_.streamer(), ports_.log, std::move(options));
  loops_.start(secrets_, secrets_->run());
  return secrets_->kept_in();
}

void ClusterMember::start() {
  loops_.start(cluster_, cluster_->run([this] {
    ports_.reload.note_cluster_change();
    take_report();
    if (status_) tell_status();
  }));
  if (events_) loops_.start(events_, events_->run());
  if (status_) writing_status_.start(status_, status_->run());
  start_sharing();
  asio::co_spawn(ports_.io, keep_report(), asio::detached);
  if (!election_) return leadership_changed();
  electing_.start(election_, election_->run());
}

void ClusterMember::tell_status() {
  TouchedObjects touched = cluster_->take_status_touched();
  const bool synced = cluster_->has_synced();
  if (std::exchange(status_knows_all_, synced) != synced) touched.beyond = true;
  if (touched.any()) status_->changed(touched);
}

void ClusterMember::start_sharing() {
  if (settings_.ticket_keys_secret.empty()) return;
  ticket_keys_ = std::make_shared<SharedTicketKeys>(
      ObjectName{identity_.pod.ns, settings_.ticket_keys_secret}, settings_.leader_election.name,
      SharedTicketKeys::Ports{ports_.io.get_executor(), ports_.clock, client_.caller(), ports_.log,
                              ports_.reload.ticket_keys()});
  loops_.start(ticket_keys_, ticket_keys_->run());
}

bool ClusterMember::leading() const { return !left_ && (!election_ || election_->leading()); }

void ClusterMember::leadership_changed() {
  const bool now = leading();
  if (status_) status_->lead(now);
  if (events_) events_->lead(now);
  if (secrets_) secrets_->kept_in()->leadership_changed();
  take_report();
}

void ClusterMember::take_report() {
  report_ = std::make_shared<const ClusterReport>(
      ClusterReport{client_.access().server, cluster_->has_synced(), leading(), cluster_->watches()});
}

// Most of the time nothing changes but when the API server was last heard.
Awaitable<void> ClusterMember::keep_report() {
  for (;;) {
    co_await ports_.clock.sleep_until(ports_.clock.now() + report_every);
    take_report();
  }
}

void ClusterMember::report(const Publication& publication) {
  if (events_ && !(publication.appeared.empty() && publication.solved.empty()))
    events_->problems(events_of(publication.problems));
}

std::vector<EventOn> ClusterMember::events_of(const std::vector<Problem>& problems) const {
  std::vector<EventOn> events;
  for (const Problem& problem : problems) {
    if (problem.reason.empty() || !problem.file.empty()) continue;
    const auto key = parse_object_key(problem.object);
    const ObjectDetails* details = key ? cluster_->details(*key) : nullptr;
    if (details == nullptr) continue;
    events.push_back({*key, details->uid, std::string(problem.reason), problem.words});
  }
  return events;
}

void ClusterMember::tell(const std::string& object, std::string_view reason, const std::string& words, bool warning) {
  const auto key = events_ ? parse_object_key(object) : std::nullopt;
  const ObjectDetails* details = key ? cluster_->details(*key) : nullptr;
  if (details != nullptr) events_->tell({*key, details->uid, std::string(reason), words, warning});
}

// A write under way would come after ours: it is waited for, and what it has written is read and not guessed.
Awaitable<void> ClusterMember::clear_status(PublishedStatus::Gone gone, TimePoint end) {
  const bool written = co_await writing_status_.ended_before(end);
  if (!written || !leading()) co_return;
  ports_.log->info("Service {} is gone: its addresses are removed from the status of Ingresses", gone.service.text());
  auto call = client_.caller();
  auto left_behind = published_.left_behind(ports_.reload.cluster_rules().classes);
  for (const ObjectName& name : status_->unconfirmed())
    for (ShownStatus& shown : left_behind)
      if (shown.ingress == name) shown.resource_version.clear();
  const auto report =
      co_await clear_ingress_status(ports_.clock, std::move(call), std::move(left_behind), gone.address);
  for (const auto& failure : report.failures) ports_.log->warn("status not removed: {}", failure);
  ports_.log->info("status removed from {} Ingresses", report.removed);
}

Awaitable<void> ClusterMember::leave() {
  if (status_) status_->stop();
  const auto gone = status_ && leading() ? published_.taken_away() : std::nullopt;
  if (gone) {
    const TimePoint end = ports_.clock.now() + longest_clearing;
    const bool whole = co_await ends_before(ports_.clock, end, clear_status(*gone, end));
    if (!whole) ports_.log->warn("the status of some Ingresses could not be cleared in time");
  }
  left_ = true;
  leadership_changed();
  if (events_) events_->stop();
  if (ticket_keys_) ticket_keys_->stop();
  if (election_) election_->stop();
  co_await electing_.ended_before(ports_.clock.now() + longest_leave);
}

Awaitable<void> ClusterMember::stop() {
  cluster_->stop();
  if (secrets_) secrets_->stop();
  const bool ended = co_await loops_.ended_before(ports_.clock.now() + longest_stop);
  if (ended)
    ports_.log->info("the API server is followed no more");
  else
    ports_.log->warn("what follows the API server has not ended in time");
}

std::string ClusterMember::metrics() const {
  return client_.metrics() + cluster_metrics(*report_.load(), ports_.clock.now());
}

std::string ClusterMember::json() const { return cluster_json(*report_.load(), ports_.clock.now()); }

}  // namespace gatehouse
