#include "cli/cluster_member.h"

#include "acme/secret_place.h"
#include "config/class_filter.h"
#include "config/kubernetes/load_balancer.h"
#include "config/kubernetes/watcher.h"

#include <boost/asio/co_spawn.hpp>

#include <random>

namespace gatehouse {

using namespace kubernetes;

namespace {

double chance() {
  thread_local std::minstd_rand dice(std::random_device{}());
  return std::uniform_real_distribution<>(0, 1)(dice);
}

ClusterOptions options_of(const KubernetesAccessSettings& access) {
  ClusterOptions options;
  options.namespaces = access.namespaces;
  options.ingress_selector = access.label_selector;
  options.secrets = access.secrets == SecretAccess::all ? ClusterOptions::Secrets::all
                                                        : ClusterOptions::Secrets::referenced;
  options.cache_file = access.cache;
  return options;
}

// Nothing would follow the cluster any more: better to end and be started again than to serve the past.
template <class Object>
void keep_running(asio::io_context& io, std::shared_ptr<Object> object, Awaitable<void> running) {
  asio::co_spawn(io, std::move(running), [object](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

// `NAMESPACE/NAME`
ObjectName name_of(const std::string& text) {
  const auto slash = text.find('/');
  return {text.substr(0, slash), slash == text.npos ? std::string() : text.substr(slash + 1)};
}

}  // namespace

MemberIdentity member_identity(const std::map<std::string, std::string>& environment, const Access& access) {
  const auto given = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  MemberIdentity identity{{given("POD_NAMESPACE"), given("POD_NAME")}};
  if (identity.pod.ns.empty()) identity.pod.ns = access.own_namespace.empty() ? "default" : access.own_namespace;
  if (identity.pod.name.empty()) identity.pod.name = given("HOSTNAME").empty() ? "gatehouse" : given("HOSTNAME");
  return identity;
}

// The watch of our own Secrets, told to the place they are kept in.
class SecretFeed final : private WatchSink {
 public:
  SecretFeed(std::shared_ptr<acme::SecretPlace> place, asio::any_io_executor executor, Clock& clock, ApiStream stream,
             Logger log, ListWatch::Options options)
      : kept_in_(std::move(place)),
        watcher_({std::move(executor), clock, std::move(stream), std::move(log), *this, chance}, std::move(options)) {}

  const std::shared_ptr<acme::SecretPlace>& kept_in() const { return kept_in_; }
  Awaitable<void> run() { return watcher_.run(); }

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
          options_of(settings_.access))),
      handed_back_(ports_.io.get_executor(), ports_.clock) {
  const auto executor = ports_.io.get_executor();
  if (settings_.leader_election.enabled) {
    LeaseTerms terms;
    terms.lease = {settings_.leader_election.ns.empty() ? identity_.pod.ns : settings_.leader_election.ns,
                   settings_.leader_election.name};
    terms.identity = lease_identity(identity_.pod.name);
    election_ = std::make_shared<LeaderElection>(
        std::move(terms), LeaderElection::Ports{executor, ports_.clock, ports_.log, client_.caller(),
                                                [this](bool) { leadership_changed(); }});
  }
  if (settings_.reports.events)
    events_ = std::make_shared<Events>(
        Events::Ports{executor, ports_.clock, ports_.log, client_.caller(), identity_.pod.name});
  if (!settings_.reports.update_status) return;
  std::vector<std::string> fixed;
  for (const auto& address : {settings_.reports.ingress_ip, settings_.reports.ingress_hostname})
    if (!address.empty()) fixed.push_back(address);
  if (auto text = fixed_load_balancer(fixed); text && !fixed.empty()) fixed_address_ = *text;
  const auto given_up = [this](const ObjectName& ingress) {
    tell(ObjectKey{Kind::ingress, ingress}.text(), "StatusContested",
         "another controller rewrites status.loadBalancer again and again: it is left alone for an hour", true);
  };
  status_ = std::make_shared<IngressStatus>(IngressStatus::Ports{executor, ports_.clock, ports_.log, client_.caller(),
                                                                 [this] { return shown_address(); },
                                                                 [this] { return our_ingresses(); }, given_up});
}

ClusterMember::~ClusterMember() = default;

ClusterSource ClusterMember::source() {
  ClusterSource source;
  source.objects = [this]() -> const ClusterObjects& { return cluster_->objects(); };
  source.has_synced = [this] { return cluster_->has_synced(); };
  source.problems = [this] { return cluster_->problems(); };
  // Of half the routes no Secret can be known to be unwanted.
  source.want_secrets = [this](const SecretNames& names) {
    if (cluster_->listed()) cluster_->want_secrets({names.begin(), names.end()});
  };
  source.secret_awaited = [this](const ObjectName& name) { return cluster_->awaits(name); };
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
  keep_running(ports_.io, secrets_, secrets_->run());
  return secrets_->kept_in();
}

void ClusterMember::start() {
  keep_running(ports_.io, cluster_, cluster_->run([this] {
    ports_.reload.note_cluster_change();
    if (status_) status_->changed();
  }));
  if (events_) keep_running(ports_.io, events_, events_->run());
  if (status_) keep_running(ports_.io, status_, status_->run());
  start_sharing();
  if (!election_) return leadership_changed();
  electing_ = true;
  asio::co_spawn(ports_.io, election_->run(), [this, election = election_](std::exception_ptr bug) {
    electing_ = false;
    handed_back_.ring();
    if (bug) std::rethrow_exception(bug);
  });
}

void ClusterMember::start_sharing() {
  if (settings_.ticket_keys_secret.empty()) return;
  ticket_keys_ = std::make_shared<SharedTicketKeys>(
      ObjectName{identity_.pod.ns, settings_.ticket_keys_secret}, settings_.leader_election.name,
      SharedTicketKeys::Ports{ports_.io.get_executor(), ports_.clock, client_.caller(), ports_.log,
                              ports_.reload.ticket_keys()});
  keep_running(ports_.io, ticket_keys_, ticket_keys_->run());
}

bool ClusterMember::leading() const { return !left_ && (!election_ || election_->leading()); }

void ClusterMember::leadership_changed() {
  const bool now = leading();
  if (status_) status_->lead(now);
  if (events_) events_->lead(now);
  if (secrets_) secrets_->kept_in()->leadership_changed();
}

void ClusterMember::report(const Publication& publication) {
  if (status_) status_->changed();
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

// Empty: not known, so nothing is written.
std::string ClusterMember::shown_address() const {
  if (settings_.reports.fixed_address()) return fixed_address_;
  const ClusterObjects& objects = cluster_->objects();
  std::optional<ObjectName> name;
  if (settings_.reports.published_service == "auto")
    name = find_published_service(objects, identity_.pod);
  else if (!settings_.reports.published_service.empty())
    name = name_of(settings_.reports.published_service);
  const auto found = name ? objects.services.find(*name) : objects.services.end();
  if (found == objects.services.end()) return {};
  const kubernetes::Service& service = *found->second;
  const ObjectDetails* details = cluster_->details({Kind::service, *name});
  return load_balancer_of({service.type, service.cluster_ip, service.external_name, service.external_ips,
                           details == nullptr ? std::string() : details->status});
}

std::vector<ShownStatus> ClusterMember::our_ingresses() const {
  std::vector<ShownStatus> ours;
  if (!cluster_->has_synced()) return ours;
  const ClassFilter classes(cluster_->objects(), ports_.reload.cluster_rules().classes);
  for (const auto& [name, ingress] : cluster_->objects().ingresses) {
    const ObjectDetails* details = classes.accepts(*ingress) ? cluster_->details({Kind::ingress, name}) : nullptr;
    if (details != nullptr) ours.push_back({name, details->status, details->resource_version});
  }
  return ours;
}

Awaitable<void> ClusterMember::leave() {
  left_ = true;
  leadership_changed();
  if (status_) status_->stop();
  if (events_) events_->stop();
  if (ticket_keys_) ticket_keys_->stop();
  if (election_) election_->stop();
  const TimePoint end = ports_.clock.now() + longest_leave;
  while (electing_ && ports_.clock.now() < end) co_await handed_back_.wait_until(end);
}

std::string ClusterMember::metrics() const { return client_.metrics(); }

}  // namespace gatehouse
