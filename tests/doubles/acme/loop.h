// The loop over weeks of simulated time, with CAs in memory.
#pragma once

#include "acme/directory_storage.h"
#include "acme/renewals.h"
#include "tests/doubles/acme/memory_ca.h"
#include "tests/doubles/acme/plain_values.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/temporary_directory.h"

#include <spdlog/sinks/ostream_sink.h>

#include <gtest/gtest.h>

#include <sstream>

namespace gatehouse::acme {

class Loop : public ::testing::Test {
 protected:
  Loop() {
    settings_.ca_server = ca_.directory_url();
    settings_.storage = root_ / "acme";
    settings_.http_entry_point = "web";
  }
  ~Loop() override { stop(); }

  void start() {
    RenewalOptions options;
    options.look_for_requests = std::chrono::hours(1);
    const auto fetch = [this](const std::vector<std::string>&) -> Result<Client::Fetch> {
      return Client::Fetch([this](FetchRequest request) {
        MemoryCa& asked = spare_.is_asked_by(request.url) ? spare_ : ca_;
        return asked.respond(std::move(request));
      });
    };
    renewals_ = std::make_unique<Renewals>(
        Renewals::Ports{io_.get_executor(), clock_, log_, fetch,
                        [this](std::vector<ObtainedCertificate> all) { obtained_ = std::move(all); },
                        [](std::shared_ptr<const tls::ChallengeBoard>) {}, options});
    renewals_->use({{"le", {{}, settings_}}});
  }

  void stop() {
    renewals_.reset();
    settle();
  }

  void want(const std::vector<std::string>& each) {
    std::vector<CertificateRequest> requests;
    for (const auto& host : each) requests.push_back({"le", {name(host)}, "test", {}});
    renewals_->want(requests);
  }

  void settle() {
    io_.restart();
    while (io_.poll() > 0) io_.restart();
  }

  // Lets this much time pass, waking whoever sleeps when it wants to be woken.
  void pass(Duration time) {
    const TimePoint end = clock_.now() + time;
    settle();
    while (clock_.next_wake() <= end) {
      clock_.advance(std::max(clock_.next_wake() - clock_.now(), Duration::zero()));
      settle();
    }
    if (clock_.now() < end) clock_.advance(end - clock_.now());
    settle();
  }

  // Returns when it is carried out, and what follows at once.
  void ask_for(OperatorRequest::Kind kind, const std::string& subject, const std::string& contents = "") {
    const auto left = leave_request(settings_.storage, {kind, subject}, contents);
    ASSERT_TRUE(left) << left.error().detail;
    pass(std::chrono::hours(1) + std::chrono::minutes(1));
    EXPECT_FALSE(std::filesystem::exists(*left));
  }
  static std::string record(const std::string& host) { return record_name("le", names({host})); }

  Holdings held_on_disk() const {
    Holdings holdings(DirectoryStorage::open(settings_.storage, DirectoryStorage::Mode::reading).value());
    EXPECT_TRUE(run(holdings.load()));
    return holdings;
  }

  bool valid_now() const { return !obtained_.empty() && obtained_[0].certificate->not_after() > clock_.wall_now(); }
  std::string key_pem() const { return obtained_.at(0).certificate->key_pem(); }
  std::string fingerprint() const { return obtained_.at(0).certificate->fingerprint(); }
  bool says(const std::string& words) const { return said_.str().find(words) != std::string::npos; }
  bool counts(const std::string& line) const { return renewals_->metrics().find(line) != std::string::npos; }

  TemporaryDirectory root_;
  ManualClock clock_;
  asio::io_context io_;
  MemoryCa ca_{clock_, "first"}, spare_{clock_, "spare"};
  std::ostringstream said_;
  Logger log_ = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(said_));
  AcmeSettings settings_;
  std::unique_ptr<Renewals> renewals_;
  std::vector<ObtainedCertificate> obtained_;
};

}  // namespace gatehouse::acme
