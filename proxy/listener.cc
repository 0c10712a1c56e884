#include "proxy/listener.h"

#include "proxy/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace gatehouse {
namespace {

constexpr int batch = 16;  // accepted in a row before other work gets its turn
constexpr Duration pause = std::chrono::milliseconds(100);

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS; }

constexpr std::size_t shares_of_places = 2;

std::optional<asio::ip::address> address_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_UNIX) return std::nullopt;
  asio::ip::tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), &peer, std::min(sizeof peer, endpoint.capacity()));
  return unmapped(endpoint.address());
}

// Undoes what was counted when the connection ends.
struct AddressCount {
  AddressCount(Worker& w, std::optional<asio::ip::address> s) : worker(w), site(std::move(s)) {
    if (site) ++worker.connections_per_address[*site];
  }
  AddressCount(AddressCount&& other) noexcept : worker(other.worker), site(std::exchange(other.site, std::nullopt)) {}
  ~AddressCount() {
    if (!site) return;
    const auto entry = worker.connections_per_address.find(*site);
    if (--entry->second == 0) worker.connections_per_address.erase(entry);
  }
  Worker& worker;
  std::optional<asio::ip::address> site;  // none: not counted
};

Awaitable<void> serve_counted(Worker& worker, Socket socket, std::shared_ptr<const EntryPoint> entry_point,
                              AddressCount counted) {
  const AddressCount until_the_end(std::move(counted));
  co_await serve_connection(worker, std::move(socket), std::move(entry_point));
}

}  // namespace

Listener::Listener(Worker& worker, int descriptor, std::string entry_point, std::size_t workers, Logger log)
    : worker_(worker),
      socket_(worker.io, descriptor),
      entry_point_(std::move(entry_point)),
      workers_(workers),
      log_(std::move(log)) {}

Awaitable<void> Listener::run() {
  while (!closing_) {
    error_code error;
    co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    Accepted last = Accepted::one;
    for (int n = 0; n < batch && last == Accepted::one; ++n) last = accept_one();
    if (last == Accepted::short_of_resources) ++worker_.counters.entry_points[entry_point_].accept_pauses;
    if (last == Accepted::short_of_resources) co_await worker_.clock.sleep_until(worker_.clock.now() + pause);
    if (last == Accepted::none && std::exchange(short_logged_, false))
      log_->info("entry point {}: accepting again", entry_point_);
  }
}

void Listener::close() {
  closing_ = true;
  while (accept_one() == Accepted::one) {
  }
  error_code ignored;
  socket_.close(ignored);
}

Listener::Accepted Listener::accept_one() try { return try_accept(); } catch (const std::bad_alloc&) {
  note_shortage("memory");
  return Accepted::short_of_resources;
}

// Clients must not take the descriptors that are needed to serve them.
bool Listener::must_wait() const {
  if (worker_.connection_count < worker_.most_connections) return false;
  const auto entry_point = worker_.snapshot->find_entry_point(entry_point_);
  return entry_point && !entry_point->admin;
}

void Listener::note_shortage(std::string_view of) {
  if (!std::exchange(short_logged_, true))
    log_->error("entry point {}: not accepting for lack of {}; serving goes on", entry_point_, of);
}

Listener::Accepted Listener::try_accept() {
  if (!closing_ && must_wait()) {
    note_shortage("descriptors: as many connections are open as may be (raise the limit, ulimit -n)");
    return Accepted::short_of_resources;
  }
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int descriptor =
      ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Accepted::none;
    if (!is_shortage(errno)) return errno == EINTR || errno == ECONNABORTED ? Accepted::one : Accepted::failed;
    note_shortage(std::string("resources: ") + std::strerror(errno));
    return Accepted::short_of_resources;
  }
  Socket socket(worker_.io);
  error_code error;
  socket.assign(asio::generic::stream_protocol(peer.ss_family, 0), descriptor, error);
  if (error) {
    ::close(descriptor);
    return Accepted::failed;
  }
  serve(std::move(socket), address_of(peer));
  return Accepted::one;
}

void Listener::serve(Socket socket, std::optional<asio::ip::address> peer) {
  auto entry_point = worker_.snapshot->find_entry_point(entry_point_);
  if (!entry_point) return;
  if (over_limit(*entry_point, peer)) {
    ++worker_.counters.entry_points[entry_point_].refused_connections;
    return;
  }
  const bool counts = peer && most_of_an_address(*entry_point, *peer) != SIZE_MAX;
  auto site = counts ? std::optional(site_of(*peer)) : std::nullopt;
  asio::co_spawn(
      worker_.io,
      serve_counted(worker_, std::move(socket), std::move(entry_point), AddressCount(worker_, std::move(site))),
      [log = log_](std::exception_ptr bug) {
        if (!bug) return;
        try {
          std::rethrow_exception(bug);
        } catch (const std::exception& error) {
          log->error("a connection was ended by an internal error: {}", error.what());
        }
      });
}

std::size_t Listener::share(std::size_t limit) const { return (limit + workers_ - 1) / workers_; }

bool Listener::over_limit(const EntryPoint& entry_point, const std::optional<asio::ip::address>& peer) {
  const std::size_t limit = entry_point.limits.connections;
  const auto open = worker_.counters.entry_points[entry_point_].open_connections;
  if (limit > 0 && static_cast<std::size_t>(open) >= share(limit)) return true;
  if (!peer) return false;
  const auto same = worker_.connections_per_address.find(site_of(*peer));
  return same != worker_.connections_per_address.end() && same->second >= most_of_an_address(entry_point, *peer);
}

// Where nothing is set, nobody can take so many of all places that others find none. Who speaks for others (a load
// balancer with a PROXY header) is not one client; one that speaks for nobody has to be told how many it may.
std::size_t Listener::most_of_an_address(const EntryPoint& entry_point, const asio::ip::address& peer) const {
  if (entry_point.limits.connections_per_address > 0) return share(entry_point.limits.connections_per_address);
  const bool speaks_for_others = entry_point.proxy_protocol && (entry_point.proxy_protocol_from_all ||
                                                                entry_point.proxy_protocol_from.contains(peer));
  if (entry_point.admin || speaks_for_others) return SIZE_MAX;
  return std::max<std::size_t>(worker_.most_connections / shares_of_places, 1);
}

}  // namespace gatehouse
