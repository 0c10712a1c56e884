// All ACME resolvers of the settings: a Renewal for each storage folder they name, one board of challenges for all, and
// what they have, put together for those who serve and for those who look.
#pragma once

#include "acme/renewal.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::acme {

class Renewals {
 public:
  // Clock and deadlines outlive the io_context, the rest only this.
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    Logger log;
    std::function<Result<Client::Fetch>(const std::vector<std::string>& root_files)> fetch;
    std::function<void(std::vector<ObtainedCertificate>)> certificates;
    Board::Publish challenges;
    RenewalOptions options = {};
    // Where the storage of this name is kept; null: in a folder of that name.
    std::function<std::shared_ptr<Place>(const std::string& storage)> place = {};
    std::function<void(const IssueReport&)> reported = {};
  };

  explicit Renewals(Ports ports);
  ~Renewals();
  Renewals(const Renewals&) = delete;
  Renewals& operator=(const Renewals&) = delete;

  // At the start, and when the settings were read again. What is stored on disk has gone to Ports::certificates when it
  // returns, what is stored elsewhere goes there when it is loaded. A resolver that cannot be made (the log says why)
  // stays as it was.
  void use(const std::map<std::string, ResolverSettings>& resolvers);
  void want(const std::vector<CertificateRequest>& requests);

  // Every storage could be read once: what is stored can be served.
  bool loaded() const;

  // In Prometheus' format; any thread.
  std::string metrics() const { return *metrics_.load(); }
  // Nothing is started any more.
  void stop();

 private:
  std::shared_ptr<Renewal> renewal_of(const std::string& storage);
  std::shared_ptr<Resolver> make_resolver(const std::string& name, const AcmeSettings& settings);
  void hand_out();
  void show_answers();
  void count(const std::string& storage, const RenewalStatus& status);

  const Ports ports_;
  const std::shared_ptr<Board> board_;
  const std::shared_ptr<KeyMaker> keys_ = std::make_shared<KeyMaker>();
  std::map<std::string, std::shared_ptr<Renewal>> renewals_;  // by storage
  std::map<std::string, std::shared_ptr<Resolver>> resolvers_;  // by name
  std::map<std::string, RenewalStatus> statuses_;  // by storage
  std::atomic<std::shared_ptr<const std::string>> metrics_{std::make_shared<const std::string>()};
  // False when this is gone: coroutines of a Renewal may outlive it.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace gatehouse::acme
