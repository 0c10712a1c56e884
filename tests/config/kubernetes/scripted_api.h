// An ApiStream whose answers the test gives, request by request, on the test's own thread.
#pragma once

#include "config/kubernetes/api.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <list>
#include <stdexcept>

namespace gatehouse::kubernetes {

class ScriptedApi {
 public:
  explicit ScriptedApi(asio::io_context& io) : io_(io) {}

  ApiStream stream() {
    return [this](ApiRequest request, std::function<bool(std::string_view)> piece) {
      return serve(std::move(request), std::move(piece));
    };
  }

  // The one that is open and whose path has these words.
  bool is_open(std::string_view words) const {
    for (const Open& open : open_)
      if (open.path.find(words) != std::string::npos) return true;
    return false;
  }
  std::size_t open() const { return open_.size(); }
  std::string path(std::string_view words) { return find(words).path; }
  std::string paths() const {
    std::string text;
    for (const Open& open : open_) text += open.path + "\n";
    return text;
  }

  // False: it does not want more.
  bool send(std::string_view words, std::string_view bytes) { return find(words).piece(bytes); }
  void end(std::string_view words, Result<ApiAnswer> result) {
    Open& open = find(words);
    open.result = std::move(result);
    open.ended.cancel();
    run();
  }
  void end(std::string_view words, std::uint16_t status = 200, std::string reason = "", std::string message = "") {
    ApiAnswer answer;
    answer.status = status;
    answer.reason = std::move(reason);
    answer.message = std::move(message);
    end(words, answer);
  }
  void lose(std::string_view words) { end(words, Failure(FailureKind::connect_failed, "10.0.0.1:6443")); }

  // A streamed list: these objects and the mark.
  void initial(std::string_view words, const std::vector<std::string>& objects, const std::string& version = "10") {
    for (const auto& object : objects) send(words, event("ADDED", object));
    send(words, event("BOOKMARK", R"({"metadata":{"resourceVersion":")" + version +
                                      R"(","annotations":{"k8s.io/initial-events-end":"true"}}})"));
    run();
  }
  static std::string event(const std::string& type, const std::string& object) {
    return R"({"type":")" + type + R"(","object":)" + object + "}\n";
  }
  // Everything that can be done now.
  void run() {
    io_.restart();
    io_.poll();
  }

 private:
  struct Open {
    std::string path;
    std::function<bool(std::string_view)> piece;
    asio::steady_timer ended;
    std::optional<Result<ApiAnswer>> result = std::nullopt;
  };
  // Closed when the answer ended or was waited for no longer.
  struct Closing {
    std::list<Open>& open;
    std::list<Open>::iterator at;
    ~Closing() { open.erase(at); }
  };

  Open& find(std::string_view words) {
    for (Open& open : open_)
      if (open.path.find(words) != std::string::npos) return open;
    throw std::runtime_error("no such request is open: " + std::string(words) + "; there are\n" + paths());
  }

  Awaitable<Result<ApiAnswer>> serve(ApiRequest request, std::function<bool(std::string_view)> piece) {
    open_.push_back({request.path, std::move(piece), asio::steady_timer(io_, TimePoint::max())});
    const Closing closing{open_, std::prev(open_.end())};
    error_code cancelled;
    co_await closing.at->ended.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (closing.at->result) co_return *closing.at->result;
    co_return Failure(FailureKind::internal, "broken off");
  }

  asio::io_context& io_;
  std::list<Open> open_;
};

}  // namespace gatehouse::kubernetes
