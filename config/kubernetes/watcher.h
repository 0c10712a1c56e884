// Follows one collection of the API server, such as all Ingresses, or the Secrets of a namespace with a label: carries
// out what list_watch decides. Knows nothing of the objects but their version.
//
// Control thread. What it has told stays true while the API server is away.
#pragma once

#include "base/log.h"
#include "config/kubernetes/list_watch.h"
#include "config/kubernetes/tree.h"

#include <boost/asio/steady_timer.hpp>

namespace gatehouse::kubernetes {

// Who keeps the objects. The values hold only during the call.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // What is seen from now until list_complete() is all there is. May begin anew before it was complete.
  virtual void list_began() = 0;
  // Added, changed, or as it was.
  virtual void seen(const Value& object) = 0;
  virtual void gone(const Value& object) = 0;
  // An object that is there and cannot be read; `beginning` may have its name.
  virtual void unreadable(const Value& beginning, const std::string& words) = 0;
  virtual void list_complete() = 0;
  // The kind is no longer there, nor are its objects (a CRD was deleted).
  virtual void absent() = 0;
  // state() has changed its health.
  virtual void health_changed() {}
};

class Watcher {
 public:
  // The clock outlives run(); the sink does until stop().
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    ApiStream stream;
    Logger log;
    WatchSink& sink;
    std::function<double()> random;  // from 0 to below 1
  };

  Watcher(Ports ports, ListWatch::Options options,
          std::shared_ptr<ServerAbilities> abilities = std::make_shared<ServerAbilities>());

  // Until stop(). This outlives it.
  Awaitable<void> run();
  // At once: the sink hears nothing after it.
  void stop();

  const ListWatch& state() const { return machine_; }

 private:
  Awaitable<void> follow();
  Awaitable<void> list(ListWatch::Request request);
  Awaitable<void> watch(ListWatch::Request request);
  Awaitable<void> watch_patiently(ListWatch::Request request);
  Awaitable<void> impatience();
  Awaitable<void> until_stopped();
  void take_item(const ObjectText& item);
  bool take_event(const EventText& event);
  void take(ListWatch::Effect effect);
  void tell_health();

  const Ports ports_;
  ListWatch machine_;
  asio::steady_timer stopping_;  // never expires; cancelled by stop()
  bool stopped_ = false;
  bool impatient_ = false;  // this watch was given up
  std::string told_;
};

}  // namespace gatehouse::kubernetes
