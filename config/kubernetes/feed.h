// One watch of a Cluster: what the Watcher tells goes into the store, and the Cluster hears of it.
#pragma once

#include "config/kubernetes/cluster_store.h"
#include "config/kubernetes/watcher.h"

namespace gatehouse::kubernetes {

class Feed final : public WatchSink {
 public:
  // The clock outlives the coroutine, the store and what is called do until stop().
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    ApiStream stream;
    Logger log;
    std::function<double()> random;
    ClusterStore& store;
    // Objects or problems are others.
    std::function<void()> changed;
    // A list is complete or the health is another.
    std::function<void()> progress;
    // Of a Secret by name the watch has just told.
    std::function<void(const Value& object)> told;
  };

  Feed(Ports ports, Scope scope, ListWatch::Options options, std::shared_ptr<ServerAbilities> abilities);

  Watcher& watcher() { return watcher_; }
  const ListWatch& state() const { return watcher_.state(); }
  Collection& collection() { return collection_; }
  Kind kind() const { return collection_.scope().kind; }
  // "Ingress", "Service in gitlab", "Secret gitlab/web-tls"
  std::string name() const;
  // Since when it is away, and why.
  std::optional<WallTime> away_since() const { return away_since_; }
  const std::string& away_words() const { return away_words_; }

  void list_began() override;
  void seen(const Value& object) override;
  void gone(const Value& object) override;
  void unreadable(const Value& beginning, const std::string& words) override;
  void list_complete() override;
  void absent() override;
  void health_changed() override;

 private:
  void note(bool change);

  const Ports ports_;
  Collection collection_;
  bool untold_ = false;  // changes that a list brought so far
  std::optional<WallTime> away_since_;
  std::string away_words_;
  Watcher watcher_;
};

}  // namespace gatehouse::kubernetes
