// All that the server's thread and the tests share, guarded by one lock.
#pragma once

#include "tests/doubles/kubernetes/api_server.h"
#include "tests/doubles/kubernetes/selectors.h"

#include <deque>
#include <list>
#include <memory>

namespace gatehouse::kubernetes::fake {

// An open watch.
struct Watch {
  const Table* table = nullptr;
  std::string ns;  // empty: all
  Selector selector;
  bool bookmarks = false;
  Duration timeout = Duration::zero();  // zero: none

  Version sent = 0;                 // what happened up to here is in `lines` or went out
  std::deque<std::string> lines;    // to go out
  bool ended = false;               // after `lines`
  bool cut = false;                 // and then without the last chunk
  std::function<void()> wake = [] {};  // set while somebody writes it
  std::size_t writing = 0;          // lines that are on their way
};

struct State {
  explicit State(Options given) : options(std::move(given)), store(options.history), tokens(options.tokens) {}

  // What caches know: the present, unless they are frozen.
  Version visible() const { return frozen.value_or(store.version()); }

  Options options;
  ObjectStore store;
  std::vector<SeenRequest> requests;
  std::uint64_t forgotten_requests = 0;
  std::list<std::shared_ptr<Watch>> watches;
  std::set<std::string> tokens;
  std::set<std::pair<std::string, std::string>> forbidden;  // verb, resource
  std::list<Fault> faults;
  std::optional<Version> frozen;
};

}  // namespace gatehouse::kubernetes::fake
