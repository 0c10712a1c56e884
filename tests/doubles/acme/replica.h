// One of several Gatehouses that share Secrets, as far as certificates go. It can be killed: nothing it asks for is
// answered any more.
#pragma once

#include "acme/renewals.h"
#include "acme/secret_place.h"
#include "tests/doubles/acme/memory_secrets.h"

#include <spdlog/sinks/ostream_sink.h>

#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace gatehouse::acme {

class Replica {
 public:
  struct Ports {
    asio::io_context& io;
    Clock& clock;
    kubernetes::ApiCall call;
    std::function<void(MemorySecrets::Watcher)> watch;  // tells it of Secrets, as long as it exists
    std::function<Result<Client::Fetch>(const std::vector<std::string>& root_files)> fetch;
    RenewalOptions options = {.look_for_requests = std::chrono::hours(1)};
    Duration spread = std::chrono::seconds(2);
  };

  Replica(Ports ports, const AcmeSettings& settings);
  ~Replica();

  void lead(bool leads);
  bool leads() const { return leading_ && !dead_; }
  void want(const std::vector<std::string>& hosts);

  // Dies at its request of this number (from 1) from now on, to Secrets or CA: before it goes out or after it was
  // carried out.
  enum class Moment : std::uint8_t { before, after };
  void die_at(std::size_t request, Moment moment);
  void die() { dead_ = true; }
  bool dead() const { return dead_; }

  const std::vector<ObtainedCertificate>& obtained() const { return obtained_; }
  const tls::ChallengeBoard& board() const { return *board_; }
  std::shared_ptr<const tls::ChallengeBoard> board_now() const { return board_; }
  std::string said() const { return said_.str(); }
  bool loaded() const { return renewals_->loaded(); }
  SecretPlace& place() { return *place_; }

 private:
  template <class T, class Request>
  Awaitable<Result<T>> pass(std::function<Awaitable<Result<T>>(Request)> call, Request request);
  Awaitable<void> rest_in_peace();

  const Ports ports_;
  bool leading_ = false, dead_ = false;
  std::optional<std::size_t> countdown_;
  Moment moment_ = Moment::before;
  std::ostringstream said_;
  Logger log_ = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(said_));
  std::shared_ptr<SecretPlace> place_;
  std::vector<ObtainedCertificate> obtained_;
  std::shared_ptr<const tls::ChallengeBoard> board_ = std::make_shared<const tls::ChallengeBoard>();
  std::unique_ptr<Renewals> renewals_;
};

}  // namespace gatehouse::acme
