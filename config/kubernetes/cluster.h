// A cluster as a source of objects: follows all kinds that routing reads and has them as the manifests directory has
// (config/manifests_watcher.h). Front header of this room: api_client speaks to the API server, a Watcher follows each
// kind, a ClusterStore keeps what they tell; what the objects mean is config/translation's business.
//
// While the API server is away, forbids or answers nonsense, what is known stays in force and a problem says why. An
// object that cannot be read costs only itself.
//
// Secrets. `all`: one watch of all of them (those of Helm left out); only those that want_secrets() names stay in
// memory, and one that is named later is got by its name. `referenced`: no Secret is read that is not named; each has a
// watch of its own, those beyond `most_secret_watches` are asked for each minute. Either way the API server's access
// rules have the last word.
#pragma once

#include "base/log.h"
#include "config/kubernetes/api.h"
#include "config/kubernetes/cluster_store.h"
#include "config/kubernetes/list_watch.h"
#include "config/kubernetes/secret_fetch.h"
#include "config/kubernetes/waiting.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <filesystem>

namespace gatehouse::kubernetes {

class Feed;  // one watch and what it tells

struct ClusterOptions {
  enum class Secrets : std::uint8_t { all, referenced };

  // Only these; IngressClass, which is in none, is then read if that is allowed. Empty: the whole cluster.
  std::vector<std::string> namespaces = {};
  std::string route_selector = {};  // labelSelector of Ingresses and IngressRouteTCPs: app=gitlab,tier!=test
  Secrets secrets = Secrets::all;
  std::size_t most_secret_watches = 50;
  // One more Service to be followed, where its namespace is none of the above: no routes lead to it.
  std::optional<ObjectName> published_service = {};
  bool tcp_routes = true;  // IngressRouteTCP of both groups, where they are
  std::filesystem::path cache_file = {};  // empty: none
};

// One watch, for metrics and the status page.
struct WatchState {
  std::string name;  // "Ingress", "Secret gitlab/web-tls", "Service in gitlab"
  Kind kind = Kind::ingress;
  bool optional = false;  // need not be there
  bool synced = false;
  ListWatch::Health health = ListWatch::Health::good;
  std::string trouble;
  // When the API server last said something of it; nothing: never.
  std::optional<TimePoint> last_heard;
};

class Cluster {
 public:
  // For Secrets that are asked for one by one; then what is there serves, and the others follow.
  static constexpr Duration secrets_patience = std::chrono::seconds(10);
  // What waits for changes before the cache is written.
  static constexpr Duration cache_quiet = std::chrono::seconds(5);

  // The clock outlives the io_context, the rest only this.
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    ApiStream stream;
    Logger log;
    std::function<double()> random = {};  // from 0 to below 1; none: the system's
  };

  // Reads the cache file, if there is one.
  Cluster(Ports ports, ClusterOptions options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Calls on_change whenever objects(), problems() or has_synced() are others, until stop(). A list's changes are told
  // when the list is complete. When it returns nothing of this runs any more. This outlives it: spawn it with a
  // completion that holds the shared pointer to this.
  Awaitable<void> run(std::function<void()> on_change);
  void stop();

  // The Secrets that translation has looked for; called after each translation. Until the first call all are kept.
  void want_secrets(std::set<ObjectName> names);

  // Unchanged objects stay the very objects they were. Before has_synced() some may be missing.
  const ClusterObjects& objects() const { return store_.objects(); }
  // Every kind was listed once, or need not be there and is not; and who calls want_secrets() did so since, and those
  // Secrets were asked for, or secrets_patience has passed (`referenced` never syncs without a call). Once true it
  // stays true: what could be read once serves on. True from the start when the cache file could be read.
  bool has_synced() const { return synced_; }
  // Every kind was listed, Secrets aside: from then on it is of use to call want_secrets().
  bool listed() const { return kinds_told_; }
  // Which of them are others than at the last call.
  TouchedObjects take_touched() { return store_.take_touched(); }
  TouchedObjects take_status_touched() { return store_.take_status_touched(); }
  // Not asked for to the end, or not even said to be wanted: it is not known whether it is there.
  bool awaits(const ObjectName& secret) const;
  std::vector<Problem> problems() const;
  std::vector<WatchState> watches() const;
  // Null: not known.
  const ObjectDetails* details(const ObjectKey& key) const { return store_.details(key); }

 private:
  void read_cache();
  void add_feeds(const std::string& ns);
  void follow_published_service();
  bool is_served(const std::string& ns) const;
  std::shared_ptr<Feed> make_feed(Scope scope, ListWatch::Options options);
  void start(const std::shared_ptr<Feed>& feed);
  void follow_secret(const ObjectName& name);
  void forget_secret(const ObjectName& name);
  void secret_found(const ObjectName& name, const Value& secret);
  void changed();
  void check_synced();
  bool kinds_listed() const;
  bool secrets_known() const;
  Awaitable<void> keep_cache();
  Awaitable<void> until_stopped();

  const Ports ports_;
  const ClusterOptions options_;
  ClusterStore store_;
  const std::shared_ptr<ServerAbilities> abilities_ = std::make_shared<ServerAbilities>();
  std::vector<std::shared_ptr<Feed>> feeds_;
  std::map<ObjectName, std::shared_ptr<Feed>> secret_feeds_;  // `referenced`
  Loops watches_;
  std::shared_ptr<SecretFetch> fetch_;
  std::set<ObjectName> wanted_;
  bool wanted_told_ = false;
  bool kinds_told_ = false;  // that they are listed
  TimePoint kinds_told_at_{};
  bool wanted_since_kinds_ = false;  // want_secrets() was called when they were
  std::function<void()> on_change_;
  bool running_ = false, stopped_ = false, synced_ = false;
  std::string cache_time_;  // what is served comes from then; empty: from the API server
  std::string cache_trouble_;
  std::uint64_t changes_ = 0;
  std::optional<asio::thread_pool> cache_thread_;
  int put_off_ = 0;  // writing the cache, because there were more changes
  asio::steady_timer changed_;  // never expires; cancelled to wake keep_cache
  asio::steady_timer stopping_;  // never expires; cancelled by stop()
};

}  // namespace gatehouse::kubernetes
