// The Secrets of an API server, in memory, behind kubernetes::ApiCall: optimistic concurrency, paged lists, merge
// patches, preconditions, and faults on demand. Whoever watches is told of each change when the test says so.
#pragma once

#include "config/kubernetes/api.h"

#include <boost/json.hpp>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gatehouse::acme {

class MemorySecrets {
 public:
  static constexpr const char* name_space = "edge";

  struct Watcher {
    std::function<void(const boost::json::object&)> seen, gone;
  };

  kubernetes::ApiCall call();
  // Told of every change from now on, at the next tell().
  void watch(Watcher watcher) { watchers_.push_back({std::move(watcher), {}}); }
  void forget_watchers() { watchers_.clear(); }
  // Whether there was anything.
  bool tell();

  // By the back door.
  boost::json::object* secret(const std::string& name);
  std::vector<std::string> names(const std::string& kind) const;  // by label gatehouse.dev/record
  void put(boost::json::object object);  // adds or replaces
  void drop(const std::string& name);

  // The next answers to requests of this method, instead of what would come.
  void refuse(const std::string& method, kubernetes::ApiAnswer answer) { faults_[method].push_back(std::move(answer)); }
  // The next request of this method is carried out, but its answer is lost.
  void lose_answer(const std::string& method) { ++lost_[method]; }
  // Told before each request is looked at; may throw or end what it likes.
  std::function<void(const kubernetes::ApiRequest&)> before = {};
  std::size_t page = 1000;  // at most, whatever is asked for

  std::size_t count(const std::string& method) const;
  const std::vector<kubernetes::ApiRequest>& requests() const { return requests_; }

 private:
  struct Event {
    bool gone = false;
    boost::json::object object;
  };
  struct Watching {
    Watcher watcher;
    std::deque<Event> waiting;
  };

  Awaitable<Result<kubernetes::ApiAnswer>> answer(kubernetes::ApiRequest request);
  kubernetes::ApiAnswer carry_out(const kubernetes::ApiRequest& request);
  kubernetes::ApiAnswer list(const std::string& query) const;
  kubernetes::ApiAnswer change(const std::string& name, const kubernetes::ApiRequest& request);
  void tell_later(bool gone, const boost::json::object& object);

  std::map<std::string, boost::json::object> secrets_;
  std::size_t version_ = 100;
  std::map<std::string, std::deque<kubernetes::ApiAnswer>> faults_;
  std::map<std::string, int> lost_;
  std::vector<kubernetes::ApiRequest> requests_;
  std::vector<Watching> watchers_;
};

}  // namespace gatehouse::acme
