// Gets single Secrets by name, one after the other: those that were not kept when a watch told of them, and those for
// which there is no watch to be had, again and again.
//
// A consistent read is never older than what a watch has told before it was asked; but what a watch tells while it is
// asked may be newer, so then the answer is dropped (overtaken). What the watch tells later is right in the end.
#pragma once

#include "base/names.h"
#include "config/kubernetes/api.h"
#include "config/kubernetes/tree.h"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <set>

namespace gatehouse::kubernetes {

class SecretFetch {
 public:
  static constexpr Duration gap = std::chrono::milliseconds(50);  // between two
  static constexpr Duration poll_again = std::chrono::seconds(60);
  static constexpr Duration longest_delay = std::chrono::seconds(30);

  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    ApiStream stream;
    // The Secret as it is now; absent value: there is none. Not called for what failed.
    std::function<void(const ObjectName&, const Value&)> found;
    // Why the last one failed; empty: it did not.
    std::function<void(const std::string& trouble)> trouble;
  };

  explicit SecretFetch(Ports ports);

  void once(const ObjectName& name);
  void poll(const ObjectName& name);
  void forget(const ObjectName& name) { due_.erase(name); }
  bool polls(const ObjectName& name) const;
  // Some have not been answered for the first time. Those that are refused count as answered.
  bool pending() const;
  bool awaits(const ObjectName& name) const;
  void overtaken(const ObjectName& name) { overtaken_ = overtaken_ || name == asked_; }

  // Until stop(). This outlives it.
  Awaitable<void> run();
  void stop();

 private:
  struct Due {
    TimePoint at{};
    bool again = false;
    bool answered = false;
  };

  Awaitable<void> follow();
  Awaitable<void> wait_for_work();
  Awaitable<void> until(std::shared_ptr<asio::steady_timer> timer);
  Awaitable<void> fetch(ObjectName name);
  void take(const ObjectName& name, const Result<ApiAnswer>& answer, const std::string& body);
  void later(const ObjectName& name, Duration by, bool answered);
  void done(const ObjectName& name);
  const std::pair<const ObjectName, Due>* next() const;

  const Ports ports_;
  std::map<ObjectName, Due> due_;
  ObjectName asked_;
  bool overtaken_ = false;
  Duration delay_{};
  bool stopped_ = false;
  const std::shared_ptr<asio::steady_timer> woken_;
  const std::shared_ptr<asio::steady_timer> stopping_;
};

}  // namespace gatehouse::kubernetes
