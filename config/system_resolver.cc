#include "config/system_resolver.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace gatehouse {
namespace {

struct Found {
  addrinfo* first = nullptr;
  Found() = default;
  Found(const Found&) = delete;
  Found& operator=(const Found&) = delete;
  ~Found() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

Result<Addresses> ask_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  Found found;
  if (const int failed = getaddrinfo(name.c_str(), nullptr, &hints, &found.first); failed != 0)
    return Failure(FailureKind::no_endpoint, failed == EAI_SYSTEM
                                                 ? error_code(errno, boost::system::system_category()).message()
                                                 : std::string(gai_strerror(failed)));
  Addresses addresses;
  for (const addrinfo* at = found.first; at != nullptr; at = at->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (at->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
    addresses.push_back(endpoint.address());
  }
  if (addresses.empty()) return Failure(FailureKind::no_endpoint, "it has no address");
  return addresses;
}

// Who asked; lives on the thread that asks.
struct Asker {
  explicit Asker(asio::any_io_executor executor) : answered(std::move(executor), TimePoint::max()) {}

  asio::steady_timer answered;  // never expires; cancelled by the answer
  std::optional<Result<Addresses>> answer;
};

}  // namespace

// Where questions lie until a thread takes them, and askers until theirs is answered. Threads hold the desk and nothing
// else, and touch what belongs to askers only under its lock and while it is open.
class SystemResolver::Desk : public std::enable_shared_from_this<Desk> {
 public:
  explicit Desk(LookUp look_up) : look_up_(std::move(look_up)) {}

  void start_thread() {
    std::thread([desk = shared_from_this()] { desk->serve(); }).detach();
  }

  std::uint64_t ask(std::string name, const std::shared_ptr<Asker>& asker) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t number = ++questions_;
    askers_[number] = asker;
    open_.push_back({number, std::move(name)});
    work_.notify_one();
    return number;
  }

  void give_up(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    askers_.erase(number);
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    askers_.clear();
    open_.clear();
    work_.notify_all();
  }

 private:
  struct Question {
    std::uint64_t number = 0;
    std::string name;
  };

  void serve() {
    while (const auto question = next()) tell(question->number, look_up_(question->name));
  }

  // Nothing: closed.
  std::optional<Question> next() {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return closed_ || !open_.empty(); });
    if (closed_) return std::nullopt;
    Question question = std::move(open_.front());
    open_.pop_front();
    return question;
  }

  void tell(std::uint64_t number, Result<Addresses> answer) {
    const std::lock_guard lock(mutex_);
    auto asker = askers_.extract(number);
    if (!asker) return;
    auto executor = asker.mapped()->answered.get_executor();
    asio::post(executor, [asker = std::move(asker.mapped()), answer = std::move(answer)]() mutable {
      asker->answer = std::move(answer);
      asker->answered.cancel();
    });
  }

  const LookUp look_up_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Question> open_;
  std::map<std::uint64_t, std::shared_ptr<Asker>> askers_;
  std::uint64_t questions_ = 0;
  bool closed_ = false;
};

SystemResolver::SystemResolver() : SystemResolver(ask_system) {}

SystemResolver::SystemResolver(LookUp look_up) : desk_(std::make_shared<Desk>(std::move(look_up))) {
  for (std::size_t i = 0; i < threads; ++i) desk_->start_thread();
}

SystemResolver::~SystemResolver() { desk_->close(); }

Awaitable<Result<Addresses>> SystemResolver::resolve(std::string name) {
  const auto desk = desk_;
  const auto asker = std::make_shared<Asker>(co_await asio::this_coro::executor);
  const std::uint64_t number = desk->ask(std::move(name), asker);
  error_code cancelled;
  while (!asker->answer) {
    co_await asker->answered.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) break;
  }
  desk->give_up(number);
  if (!asker->answer) co_return Failure(FailureKind::no_endpoint, "the look-up was called off");
  co_return std::move(*asker->answer);
}

}  // namespace gatehouse
