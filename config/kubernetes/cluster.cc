#include "config/kubernetes/cluster.h"

#include "config/kubernetes/cluster_cache.h"
#include "config/kubernetes/feed.h"
#include "config/kubernetes/url_text.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <random>

namespace gatehouse::kubernetes {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr int most_put_off = 12;  // a minute
constexpr std::string_view without_helm = "labelSelector=owner%21%3Dhelm";

struct Resource {
  Kind kind;
  ObjectType type;
  std::string_view plural;
  bool optional = false;
};

constexpr Resource classes = {Kind::ingress_class, {"networking.k8s.io/v1", "IngressClass"}, "ingressclasses"};
constexpr Resource ingresses = {Kind::ingress, {"networking.k8s.io/v1", "Ingress"}, "ingresses"};
constexpr Resource services = {Kind::service, {"v1", "Service"}, "services"};
constexpr Resource slices = {Kind::slice, {"discovery.k8s.io/v1", "EndpointSlice"}, "endpointslices"};
constexpr Resource secrets = {Kind::secret, {"v1", "Secret"}, "secrets"};
constexpr Resource tcp_routes = {Kind::tcp_route, {"traefik.io/v1alpha1", "IngressRouteTCP"}, "ingressroutetcps", true};
constexpr Resource old_tcp_routes = {
    Kind::old_tcp_route, {"traefik.containo.us/v1alpha1", "IngressRouteTCP"}, "ingressroutetcps", true};

std::string path_of(const Resource& resource, const std::string& ns) {
  const bool core = resource.type.api_version.find('/') == std::string_view::npos;
  return (core ? "/api/" : "/apis/") + std::string(resource.type.api_version) +
         (ns.empty() ? "" : "/namespaces/" + ns) + "/" + std::string(resource.plural);
}

std::string by_name(const ObjectName& name) { return "fieldSelector=metadata.name%3D" + percent_encoded(name.name); }

// As the API server lets objects and namespaces be named; nothing else is asked for.
bool may_exist(const ObjectName& name) {
  const auto plain = [](const std::string& text, std::size_t longest) {
    return !text.empty() && text.size() <= longest && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
  };
  return plain(name.ns, 63) && plain(name.name, 253);
}

std::string time_text(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::function<double()> system_random() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device()());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

using Written = std::shared_ptr<Result<void>>;  // what comes from another thread has to have a default

Awaitable<Written> write_there(std::filesystem::path file, std::vector<Object> objects, std::string time) {
  co_return std::make_shared<Result<void>>(write_cluster_cache(file, objects, time));
}

Problem problem_with(Severity severity, std::string object, std::string words) {
  return {"", 0, 0, severity, std::move(object), std::move(words)};
}

Cluster::Ports with_random(Cluster::Ports ports) {
  if (!ports.random) ports.random = system_random();
  return ports;
}

}  // namespace

Cluster::Cluster(Ports ports, ClusterOptions options)
    : ports_(with_random(std::move(ports))),
      options_(std::move(options)),
      watches_(ports_.executor, ports_.clock),
      fetch_(std::make_shared<SecretFetch>(
          SecretFetch::Ports{ports_.executor, ports_.clock, ports_.stream,
                             [this](const ObjectName& name, const Value& secret) { secret_found(name, secret); },
                             [this](bool other_troubles) {
                               if (other_troubles) changed();
                               check_synced();
                             }})),
      changed_(ports_.executor, TimePoint::max()),
      stopping_(ports_.executor, TimePoint::max()) {
  if (options_.namespaces.empty()) add_feeds("");
  for (const auto& ns : std::set<std::string>(options_.namespaces.begin(), options_.namespaces.end())) add_feeds(ns);
  if (!options_.namespaces.empty()) follow_published_service();
  if (options_.cache_file.empty()) return;
  cache_thread_.emplace(1u);
  read_cache();
}

Cluster::~Cluster() { stop(); }

// ---- the watches

namespace {

ListWatch::Options watch_options(const Resource& resource, const std::string& ns, std::string selectors) {
  return {path_of(resource, ns), std::move(selectors), std::string(resource.type.kind), resource.optional};
}

}  // namespace

void Cluster::add_feeds(const std::string& ns) {
  const auto add = [&](const Resource& resource, const std::string& in, std::string selectors) {
    feeds_.push_back(make_feed({resource.kind, resource.type, in, {}}, watch_options(resource, in, selectors)));
  };
  if (feeds_.empty()) {
    Resource of_cluster = classes;
    of_cluster.optional = !ns.empty();
    add(of_cluster, "", "");
  }
  const std::string routes =
      options_.route_selector.empty() ? "" : "labelSelector=" + percent_encoded(options_.route_selector);
  add(ingresses, ns, routes);
  add(services, ns, "");
  add(slices, ns, "");
  if (options_.secrets == ClusterOptions::Secrets::all) add(secrets, ns, std::string(without_helm));
  if (!options_.tcp_routes) return;
  add(tcp_routes, ns, routes);
  add(old_tcp_routes, ns, routes);
}

void Cluster::follow_published_service() {
  const auto& name = options_.published_service;
  if (!name || !may_exist(*name) || is_served(name->ns)) return;
  Resource resource = services;
  resource.optional = true;
  feeds_.push_back(make_feed({Kind::service, services.type, name->ns, name->name},
                             watch_options(resource, name->ns, by_name(*name))));
}

std::shared_ptr<Feed> Cluster::make_feed(Scope scope, ListWatch::Options options) {
  const bool of_secrets = scope.kind == Kind::secret;
  return std::make_shared<Feed>(
      Feed::Ports{
          ports_.executor, ports_.clock, ports_.stream, ports_.log, ports_.random, store_, [this] { changed(); },
          [this, of_one_secret = of_secrets && !scope.name.empty()] {
            check_synced();
            if (of_one_secret) changed();  // that it is not there is known now, perhaps
          },
          [this, of_secrets](const Value& object) {
            if (!of_secrets) return;
            const Value metadata = object["metadata"];
            fetch_->overtaken({std::string(metadata["namespace"].text()), std::string(metadata["name"].text())});
          }},
      std::move(scope), std::move(options), abilities_);
}

void Cluster::start(const std::shared_ptr<Feed>& feed) { watches_.start(feed, feed->watcher().run()); }

Awaitable<void> Cluster::run(std::function<void()> on_change) {
  on_change_ = std::move(on_change);
  running_ = true;
  for (const auto& feed : feeds_) start(feed);
  for (const auto& [name, feed] : secret_feeds_) start(feed);
  watches_.start(fetch_, fetch_->run());
  co_await (keep_cache() || until_stopped());
  co_await watches_.ended_before(TimePoint::max());
}

void Cluster::stop() {
  if (std::exchange(stopped_, true)) return;
  for (const auto& feed : feeds_) feed->watcher().stop();
  for (const auto& [name, feed] : secret_feeds_) feed->watcher().stop();
  fetch_->stop();
  stopping_.cancel();
}

Awaitable<void> Cluster::until_stopped() {
  error_code cancelled;
  if (!stopped_) co_await stopping_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

// ---- Secrets

bool Cluster::is_served(const std::string& ns) const {
  const auto& served = options_.namespaces;
  return served.empty() || std::find(served.begin(), served.end(), ns) != served.end();
}

void Cluster::want_secrets(std::set<ObjectName> names) {
  std::erase_if(names, [&](const ObjectName& name) { return !may_exist(name) || !is_served(name.ns); });
  const bool first = !std::exchange(wanted_told_, true);
  wanted_since_kinds_ = kinds_listed();
  const std::set<ObjectName> before = std::exchange(wanted_, names);
  if (!first && before == wanted_) return check_synced();
  store_.want_secrets(std::move(names));
  for (const ObjectName& name : before)
    if (!wanted_.contains(name)) forget_secret(name);
  for (const ObjectName& name : wanted_) {
    if (before.contains(name)) continue;
    // Until the first call nothing was dropped.
    if (options_.secrets == ClusterOptions::Secrets::referenced)
      follow_secret(name);
    else if (!first)
      fetch_->once(name);
  }
  check_synced();
}

void Cluster::forget_secret(const ObjectName& name) {
  if (fetch_->forget(name)) changed();
  const auto feed = secret_feeds_.find(name);
  if (feed == secret_feeds_.end()) return;
  feed->second->watcher().stop();
  secret_feeds_.erase(feed);
}

void Cluster::follow_secret(const ObjectName& name) {
  if (secret_feeds_.size() >= options_.most_secret_watches) return fetch_->poll(name);
  // Its namespace may not be there, and access to it may be forbidden: that costs this Secret only.
  Resource resource = secrets;
  resource.optional = true;
  const auto feed =
      make_feed({Kind::secret, secrets.type, name.ns, name.name}, watch_options(resource, name.ns, by_name(name)));
  secret_feeds_[name] = feed;
  if (running_ && !stopped_) start(feed);
}

void Cluster::secret_found(const ObjectName& name, const Value& secret) {
  const ObjectKey key{Kind::secret, name};
  const bool news = !secret.given() && fetch_->awaits(name);  // that it is not there was not known
  const bool change = secret.given() ? store_.put(secret, Kind::secret, secrets.type) : store_.erase(key);
  if (secret.given())
    for (const auto& feed : feeds_)
      if (feed->collection().scope().kind == Kind::secret && feed->collection().scope().covers(name))
        feed->collection().exists(name);
  if (change || news) changed();
}

// ---- what is told

void Cluster::changed() {
  ++changes_;
  changed_.cancel();
  if (on_change_ && !stopped_) on_change_();
}

bool Cluster::kinds_listed() const {
  return std::all_of(feeds_.begin(), feeds_.end(), [](const auto& feed) { return feed->state().synced(); });
}

bool Cluster::secrets_known() const {
  if (!wanted_told_) return options_.secrets == ClusterOptions::Secrets::all;
  const auto synced = [](const auto& feed) { return feed.second->state().synced(); };
  if (!wanted_since_kinds_) return false;
  return (std::all_of(secret_feeds_.begin(), secret_feeds_.end(), synced) && !fetch_->pending()) ||
         ports_.clock.now() >= kinds_told_at_ + secrets_patience;
}

bool Cluster::awaits(const ObjectName& secret) const {
  if (!may_exist(secret) || !is_served(secret.ns)) return false;
  if (!wanted_.contains(secret)) return wanted_told_;  // it will be asked for
  const auto feed = secret_feeds_.find(secret);
  return feed != secret_feeds_.end() ? !feed->second->state().synced() : fetch_->awaits(secret);
}

void Cluster::check_synced() {
  if ((synced_ && cache_time_.empty()) || !kinds_listed()) return;
  // Who translates now finds out which Secrets there must be.
  if (!std::exchange(kinds_told_, true)) {
    kinds_told_at_ = ports_.clock.now();
    changed();
  }
  if ((synced_ && cache_time_.empty()) || !secrets_known()) return;
  synced_ = true;
  cache_time_.clear();
  changed();
}

std::vector<Problem> Cluster::problems() const {
  std::vector<Problem> problems;
  std::vector<std::shared_ptr<Feed>> feeds = feeds_;
  for (const auto& [name, feed] : secret_feeds_) feeds.push_back(feed);
  const Feed* away = nullptr;
  for (const auto& feed : feeds)
    if (feed->away_since() && (away == nullptr || *feed->away_since() < *away->away_since())) away = feed.get();
  if (away != nullptr)
    problems.push_back(problem_with(
        Severity::error, "API server",
        "away since " + time_text(*away->away_since()) + ", what is known stays in force: " + away->away_words()));
  if (!cache_time_.empty())
    problems.push_back(
        problem_with(Severity::warning, "API server",
                     "not heard yet; served is what " + options_.cache_file.string() + " says of " + cache_time_));
  if (!cache_trouble_.empty()) problems.push_back(problem_with(Severity::warning, "", cache_trouble_));
  for (const auto& trouble : fetch_->troubles()) problems.push_back(problem_with(Severity::warning, "", trouble));
  for (const auto& feed : feeds) {
    const ListWatch& state = feed->state();
    const bool told = state.health() == ListWatch::Health::good || state.health() == ListWatch::Health::away ||
                      (state.health() == ListWatch::Health::absent && state.options().optional);
    if (told) continue;
    const auto severity = state.options().optional ? Severity::warning : Severity::error;
    problems.push_back(problem_with(severity, feed->name(), state.trouble() + "; what is known stays in force"));
  }
  auto of_objects = store_.problems();
  std::move(of_objects.begin(), of_objects.end(), std::back_inserter(problems));
  return problems;
}

std::vector<WatchState> Cluster::watches() const {
  std::vector<WatchState> states;
  const auto add = [&](const Feed& feed) {
    const ListWatch& state = feed.state();
    states.push_back({feed.name(), feed.kind(), state.options().optional, state.synced(), state.health(),
                      state.trouble(), state.last_heard()});
  };
  for (const auto& feed : feeds_) add(*feed);
  for (const auto& [name, feed] : secret_feeds_) add(*feed);
  return states;
}

// ---- the cache

void Cluster::read_cache() {
  auto cached = read_cluster_cache(options_.cache_file);
  if (!cached) {
    std::error_code error;
    if (std::filesystem::exists(options_.cache_file, error)) cache_trouble_ = cached.error().detail;
    return;
  }
  for (Object& object : cached->objects) store_.put(std::move(object));
  cache_time_ = cached->time;
  synced_ = true;
  ports_.log->info("{} objects as they were at {} from {}", cached->objects.size(), cache_time_,
                   options_.cache_file.string());
}

// Written when nothing has changed for a while, and only what the API server has told as a whole.
Awaitable<void> Cluster::keep_cache() {
  std::uint64_t written = 0;
  while (!stopped_) {
    const std::uint64_t seen = changes_;
    if (seen == written || options_.cache_file.empty() || !synced_ || !cache_time_.empty()) {
      error_code cancelled;
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
      continue;
    }
    co_await ports_.clock.sleep_until(ports_.clock.now() + cache_quiet);
    if (stopped_) co_return;
    if (changes_ != seen && ++put_off_ < most_put_off) continue;
    put_off_ = 0;
    written = changes_;
    // A disk may take seconds.
    auto writing =
        write_there(options_.cache_file, objects_to_cache(store_.objects()), time_text(ports_.clock.wall_now()));
    const Written done = co_await asio::co_spawn(*cache_thread_, std::move(writing), asio::use_awaitable);
    if (stopped_) co_return;
    const std::string trouble = *done ? "" : "the cache cannot be written: " + done->error().detail;
    if (trouble == cache_trouble_) continue;
    cache_trouble_ = trouble;
    if (on_change_) on_change_();
  }
}

}  // namespace gatehouse::kubernetes
