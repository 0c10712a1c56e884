#include "proxy/server.h"

#include "base/thread_urgency.h"
#include "proxy/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

namespace gatehouse {
namespace {

constexpr int backlog = 4096;

std::string key_of(const EntryPoint& entry_point, const Endpoint& address) {
  return entry_point.name + " " + address.text() + (entry_point.dual_stack ? " dual" : "");
}

// One listening socket, or -1 with errno. `address` with port 0 gets one from the system. "Both families" means IPv4
// where the kernel has no IPv6.
int open_listener(const asio::ip::tcp::endpoint& address, bool dual_stack) {
  const int descriptor = ::socket(address.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0 && errno == EAFNOSUPPORT && dual_stack)
    return open_listener({asio::ip::address_v4::any(), address.port()}, false);
  if (descriptor < 0) return -1;
  const int on = 1, v6_only = dual_stack ? 0 : 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.address().is_v6()) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (::bind(descriptor, address.data(), static_cast<socklen_t>(address.size())) == 0 &&
      ::listen(descriptor, backlog) == 0)
    return descriptor;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

Endpoint bound_address(int descriptor) {
  asio::ip::tcp::endpoint endpoint;
  socklen_t size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(descriptor, endpoint.data(), &size) != 0) return {};
  return {endpoint.address(), endpoint.port()};
}

std::size_t half_of_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return std::max<std::size_t>(limit.rlim_cur / 2, 1);
}

}  // namespace

Server::Server(Clock& clock, Options options, Admin* admin, Logger log)
    : clock_(clock),
      options_(std::move(options)),
      admin_(admin),
      log_(std::move(log)),
      snapshot_(std::make_shared<const Snapshot>()) {
  if (options_.most_connections == 0) options_.most_connections = half_of_descriptors();
  std::vector<Worker*> workers;
  for (std::size_t i = 0; i < options_.workers; ++i) {
    threads_.push_back({std::make_unique<Worker>(clock_, options_.access_log, admin_), {}, {}});
    workers.push_back(threads_.back().worker.get());
    workers.back()->most_connections = std::max<std::size_t>(options_.most_connections / options_.workers, 1);
  }
  if (admin_) admin_->watch(std::move(workers));
}

Server::~Server() { stop(); }

void Server::start() {
  running_ = true;
  for (Thread& thread : threads_) {
    Worker& worker = *thread.worker;
    asio::co_spawn(worker.io, worker.deadlines.run(), asio::detached);
    asio::co_spawn(worker.io, worker.housekeeping(), asio::detached);
    thread.thread = std::thread([&worker] {
      hurry_this_thread();
      worker.io.run();
    });
  }
}

std::vector<std::string> Server::publish(SnapshotPtr snapshot) {
  std::vector<std::string> problems;
  std::map<std::string, std::pair<std::string, std::vector<int>>> added;
  std::set<std::string> wanted;
  for (const auto& entry_point : snapshot->entry_points) {
    for (const Endpoint& address : entry_point->addresses) {
      const std::string key = key_of(*entry_point, address);
      wanted.insert(key);
      if (bindings_.contains(key) || draining()) continue;
      Binding binding{entry_point->name, address, {}};
      std::string problem;
      auto descriptors = open_listeners(*entry_point, address, binding.bound, problem);
      if (descriptors.empty()) {
        problems.push_back("entry point " + entry_point->name + ": cannot listen on " + address.text() + ": " +
                           problem);
        continue;
      }
      bindings_.emplace(key, std::move(binding));
      added.emplace(key, std::pair(entry_point->name, std::move(descriptors)));
    }
  }
  // Closed before the new snapshot comes: what has connected by then is still known.
  const std::size_t removed = std::erase_if(bindings_, [&](const auto& binding) {
    if (wanted.contains(binding.first)) return false;
    close_listeners(binding.first);
    return true;
  });
  for (Thread& thread : threads_)
    asio::post(thread.worker->io, [worker = thread.worker.get(), snapshot, removed] {
      worker->snapshot = snapshot;
      if (removed > 0) worker->close_idle();
    });
  for (const auto& [key, listeners] : added) start_listeners(key, listeners.first, listeners.second);
  {
    const std::scoped_lock lock(snapshot_mutex_);
    retired_.push_back(std::exchange(snapshot_, std::move(snapshot)));
  }
  release_retired();
  return problems;
}

std::vector<int> Server::open_listeners(const EntryPoint& entry_point, const Endpoint& address, Endpoint& bound,
                                        std::string& problem) {
  std::vector<int> descriptors;
  const auto activated = std::find_if(options_.activated.begin(), options_.activated.end(),
                                      [&](const ActivatedSocket& socket) { return socket.name == entry_point.name; });
  asio::ip::tcp::endpoint wanted(address.address, address.port);
  while (descriptors.size() < threads_.size()) {
    // A socket opened for us is shared: each worker waits on its own duplicate.
    const bool given = activated != options_.activated.end();
    const int descriptor =
        given ? ::fcntl(activated->descriptor, F_DUPFD_CLOEXEC, 3) : open_listener(wanted, entry_point.dual_stack);
    if (descriptor < 0) {
      problem = std::strerror(errno);
      for (const int opened : descriptors) ::close(opened);
      return {};
    }
    if (given) ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    descriptors.push_back(descriptor);
    bound = bound_address(descriptor);
    wanted.port(bound.port);
  }
  return descriptors;
}

void Server::start_listeners(const std::string& key, const std::string& entry_point,
                             const std::vector<int>& descriptors) {
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    Thread& thread = threads_[i];
    asio::post(thread.worker->io, [this, &thread, key, entry_point, descriptor = descriptors[i]] {
      auto listener = std::make_shared<Listener>(*thread.worker, descriptor, entry_point, threads_.size(), log_);
      thread.listeners.emplace_back(key, listener);
      asio::co_spawn(thread.worker->io, listener->run(), [listener](std::exception_ptr) {});
    });
  }
}

void Server::close_listeners(const std::string& key) {
  for (Thread& thread : threads_)
    asio::post(thread.worker->io, [&thread, key] {
      std::erase_if(thread.listeners, [&](const auto& entry) {
        if (entry.first == key) entry.second->close();
        return entry.first == key;
      });
    });
}

void Server::release_retired() {
  const auto unused = [](const SnapshotPtr& snapshot) {
    return snapshot.use_count() == 1 &&
           std::all_of(snapshot->entry_points.begin(), snapshot->entry_points.end(),
                       [](const auto& entry_point) { return entry_point.use_count() == 1; });
  };
  std::erase_if(retired_, unused);
  // A long request keeps its own; what else remains is freed by whoever lets go last.
  while (retired_.size() > 8) retired_.pop_front();
}

void Server::drain(std::function<void()> done) {
  if (draining_.exchange(true)) return;
  for (const auto& [key, binding] : bindings_) close_listeners(key);
  bindings_.clear();
  undrained_ = threads_.size();
  for (Thread& thread : threads_)
    asio::post(thread.worker->io, [this, worker = thread.worker.get(), done] {
      worker->drained = [this, done] {
        if (undrained_.fetch_sub(1) == 1) done();
      };
      worker->drain();
    });
}

std::vector<CutConnection> Server::stop() {
  if (!std::exchange(running_, false)) return {};
  std::vector<CutConnection> cut;
  std::mutex cut_mutex;
  for (Thread& thread : threads_)
    asio::post(thread.worker->io, [&] {
      for (auto& [key, listener] : thread.listeners) listener->close();
      thread.worker->drained = nullptr;
      const auto mine = thread.worker->cut_all();
      const std::scoped_lock lock(cut_mutex);
      cut.insert(cut.end(), mine.begin(), mine.end());
      thread.worker->io.stop();
    });
  for (Thread& thread : threads_) thread.thread.join();
  return cut;
}

SnapshotPtr Server::snapshot() const {
  const std::scoped_lock lock(snapshot_mutex_);
  return snapshot_;
}

std::map<std::string, std::vector<Endpoint>> Server::bound() const {
  std::map<std::string, std::vector<Endpoint>> addresses;
  for (const auto& [key, binding] : bindings_) addresses[binding.entry_point].push_back(binding.bound);
  return addresses;
}

}  // namespace gatehouse
