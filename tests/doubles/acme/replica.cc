#include "tests/doubles/acme/replica.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse::acme {

Replica::Replica(Ports ports, const AcmeSettings& settings) : ports_(std::move(ports)) {
  const kubernetes::ApiCall call = [this](kubernetes::ApiRequest request) {
    return pass<kubernetes::ApiAnswer, kubernetes::ApiRequest>(ports_.call, std::move(request));
  };
  place_ = std::make_shared<SecretPlace>(
      SecretOwner{MemorySecrets::name_space}, SecretPlace::Ports{call, ports_.clock, [this] { return leading_; }},
      SecretPlace::Options{.read_again = std::chrono::minutes(10), .spread = ports_.spread});
  const auto if_alive = [this, alive = std::weak_ptr(place_)](auto then) {
    return [this, alive, then](const boost::json::object& secret) {
      if (const auto place = alive.lock(); place && !dead_) then(*place, raw_secret(secret));
    };
  };
  ports_.watch({if_alive([](SecretPlace& place, const RawSecret& secret) { place.seen(secret); }),
                if_alive([](SecretPlace& place, const RawSecret& secret) { place.gone(secret); })});
  const auto fetch = [this](const std::vector<std::string>& roots) -> Result<Client::Fetch> {
    auto real = ports_.fetch(roots);
    if (!real) return real.error();
    return Client::Fetch([this, real = *real](FetchRequest request) {
      return pass<FetchResponse, FetchRequest>(real, std::move(request));
    });
  };
  Renewals::Ports renewal_ports{ports_.io.get_executor(),
                                ports_.clock,
                                log_,
                                fetch,
                                [this](std::vector<ObtainedCertificate> all) { obtained_ = std::move(all); },
                                [this](std::shared_ptr<const tls::ChallengeBoard> board) { board_ = std::move(board); },
                                ports_.options};
  renewal_ports.place = [this](const std::string&) { return place_; };
  renewals_ = std::make_unique<Renewals>(std::move(renewal_ports));
  renewals_->use({{"le", {{}, settings}}});
}

Replica::~Replica() { renewals_.reset(); }

void Replica::lead(bool leads) {
  leading_ = leads;
  place_->leadership_changed();
}

void Replica::want(const std::vector<std::string>& hosts) {
  std::vector<CertificateRequest> requests;
  for (const auto& host : hosts) requests.push_back({"le", {HostName::parse_with_wildcard(host).value()}, "test", {}});
  renewals_->want(requests);
}

void Replica::die_at(std::size_t request, Moment moment) {
  countdown_ = request;
  moment_ = moment;
}

template <class T, class Request>
Awaitable<Result<T>> Replica::pass(std::function<Awaitable<Result<T>>(Request)> call, Request request) {
  if (countdown_ && *countdown_ > 0) --*countdown_;
  const bool last = countdown_ && *countdown_ == 0;
  if (last && moment_ == Moment::before) dead_ = true;
  if (dead_) co_await rest_in_peace();
  Result<T> answer = co_await call(std::move(request));
  if (last) dead_ = true;
  if (dead_) co_await rest_in_peace();
  co_return answer;
}

// Until the io_context ends.
Awaitable<void> Replica::rest_in_peace() {
  asio::steady_timer never(ports_.io, TimePoint::max());
  error_code ignored;
  while (true) co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace gatehouse::acme
