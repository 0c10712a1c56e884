// Server: starts workers and listeners, gives each new snapshot to every worker, drains. Used from one thread (the
// control thread); nothing it does waits for a worker.
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "proxy/admin.h"
#include "proxy/listener.h"
#include "proxy/worker.h"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse {

// A listening socket that somebody opened for us (systemd socket activation); its name is an entry point's.
struct ActivatedSocket {
  std::string name;
  int descriptor = -1;
};

class Server {
 public:
  struct Options {
    std::size_t workers = 1;
    // Clients beyond these wait to be accepted: each may need another descriptor for its upstream. 0: half of those
    // the process may have.
    std::size_t most_connections = 0;
    AccessLog access_log;
    std::vector<ActivatedSocket> activated;
  };

  // `admin` may be null; both outlive the server.
  Server(Clock& clock, Options options, Admin* admin, Logger log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();

  // Makes `snapshot` the one in force: opens the listeners it adds, hands it to the workers, closes the listeners it
  // lacks. Connections go on. Returns the addresses that could not be listened on, with words; publishing the same
  // snapshot again tries those once more.
  std::vector<std::string> publish(SnapshotPtr snapshot);

  // Stops listening, ends idle connections and lets the others finish. `done` is called on a worker's thread when the
  // last one has.
  void drain(std::function<void()> done);
  // Ends every connection and joins the workers. Returns the connections that were cut.
  std::vector<CutConnection> stop();

  // Any thread.
  SnapshotPtr snapshot() const;
  bool draining() const { return draining_.load(std::memory_order_relaxed); }

  // The addresses really listened on, by entry point: port 0 has become a number.
  std::map<std::string, std::vector<Endpoint>> bound() const;

 private:
  struct Thread {
    std::unique_ptr<Worker> worker;
    std::vector<std::pair<std::string, std::shared_ptr<Listener>>> listeners;  // by key; the worker's thread only
    std::thread thread;
  };
  // One address of one entry point.
  struct Binding {
    std::string entry_point;
    Endpoint wanted, bound;
  };

  std::vector<int> open_listeners(const EntryPoint& entry_point, const Endpoint& address, Endpoint& bound,
                                  std::string& problem);
  void start_listeners(const std::string& key, const std::string& entry_point, const std::vector<int>& descriptors);
  void close_listeners(const std::string& key);
  void release_retired();

  Clock& clock_;
  Options options_;
  Admin* admin_;
  Logger log_;
  std::vector<Thread> threads_;
  std::map<std::string, Binding> bindings_;  // key: entry point and wanted address
  std::deque<SnapshotPtr> retired_;  // freed here, not on a worker, once nobody uses them
  mutable std::mutex snapshot_mutex_;  // never taken by the data path
  SnapshotPtr snapshot_;
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> undrained_{0};
  bool running_ = false;
};

}  // namespace gatehouse
