#include "config/name_resolver.h"

#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

Addresses addresses(std::initializer_list<const char*> texts) {
  Addresses list;
  for (auto text : texts) list.push_back(asio::ip::make_address(text));
  return list;
}

class Resolving : public testing::Test {
 protected:
  Resolving()
      : resolver_(
            context_.get_executor(), clock_, [this](std::string name) { return answer(name); },
            [this] { ++changes_; }) {}

  Awaitable<Result<Addresses>> answer(std::string name) {
    ++asked_[name];
    if (!answers_.contains(name)) co_return Failure(FailureKind::no_endpoint, "Host not found");
    co_return answers_[name];
  }

  void poll() {
    context_.restart();
    context_.poll();
  }
  void after(Duration time) {
    clock_.advance(time);
    poll();
  }

  ManualClock clock_;
  asio::io_context context_;
  std::map<std::string, Addresses> answers_;
  std::map<std::string, int> asked_;
  int changes_ = 0;
  NameResolver resolver_;
};

TEST_F(Resolving, GivesSortedAddressesAndSaysSoOnce) {
  answers_["a.test"] = addresses({"10.0.0.2", "10.0.0.1", "10.0.0.2"});
  resolver_.want({"a.test"});
  EXPECT_TRUE(resolver_.pending());
  poll();
  EXPECT_FALSE(resolver_.pending());
  EXPECT_EQ(resolver_.addresses().at("a.test"), addresses({"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(changes_, 1);
  EXPECT_TRUE(resolver_.problems().empty());
}

TEST_F(Resolving, AsksAgainAndTellsOnlyOfChanges) {
  answers_["a.test"] = addresses({"10.0.0.1", "10.0.0.2"});
  resolver_.want({"a.test"});
  poll();
  answers_["a.test"] = addresses({"10.0.0.2", "10.0.0.1"});
  after(NameResolver::refresh_every - 1ms);
  EXPECT_EQ(asked_["a.test"], 1);
  after(1ms);
  EXPECT_EQ(asked_["a.test"], 2);
  EXPECT_EQ(changes_, 1);
  answers_["a.test"] = addresses({"10.0.0.3"});
  after(NameResolver::refresh_every);
  EXPECT_EQ(changes_, 2);
  EXPECT_EQ(resolver_.addresses().at("a.test"), addresses({"10.0.0.3"}));
}

TEST_F(Resolving, AFailureKeepsTheLastAddressesAndBacksOff) {
  answers_["a.test"] = addresses({"10.0.0.1"});
  resolver_.want({"a.test"});
  poll();
  answers_.clear();
  after(NameResolver::refresh_every);
  EXPECT_EQ(changes_, 2);
  EXPECT_EQ(resolver_.addresses().at("a.test"), addresses({"10.0.0.1"}));
  ASSERT_EQ(resolver_.problems().size(), 1u);
  EXPECT_EQ(resolver_.problems()[0].text(),
            "warning: ExternalName a.test: cannot be resolved: Host not found; its last addresses stay in force");
  for (Duration wait = NameResolver::first_retry; wait < NameResolver::refresh_every; wait *= 2) {
    int before = asked_["a.test"];
    after(wait - 1ms);
    EXPECT_EQ(asked_["a.test"], before);
    after(1ms);
    EXPECT_EQ(asked_["a.test"], before + 1);
  }
  after(NameResolver::refresh_every);
  EXPECT_EQ(changes_, 2) << "the same failure again is no news";
  answers_["a.test"] = addresses({"10.0.0.1"});
  after(NameResolver::refresh_every);
  EXPECT_EQ(changes_, 3) << "the problem is solved";
  EXPECT_TRUE(resolver_.problems().empty());
}

TEST_F(Resolving, AFailingNameIsAProblemAndPendingNoMore) {
  answers_["a.test"] = addresses({"10.0.0.1"});
  resolver_.want({"a.test", "b.test"});
  poll();
  EXPECT_FALSE(resolver_.pending());
  EXPECT_FALSE(resolver_.addresses().contains("b.test"));
  ASSERT_EQ(resolver_.problems().size(), 1u);
  EXPECT_EQ(resolver_.problems()[0].severity, Severity::error);
}

TEST_F(Resolving, ForgetsNamesThatAreNotWantedAnyMore) {
  answers_["a.test"] = addresses({"10.0.0.1"});
  answers_["b.test"] = addresses({"10.0.0.2"});
  resolver_.want({"a.test", "b.test"});
  poll();
  resolver_.want({"b.test"});
  EXPECT_FALSE(resolver_.addresses().contains("a.test"));
  after(NameResolver::refresh_every);
  EXPECT_EQ(asked_["a.test"], 1);
  EXPECT_EQ(asked_["b.test"], 2);
  resolver_.want({"a.test", "b.test"});
  poll();
  EXPECT_EQ(resolver_.addresses().at("a.test"), addresses({"10.0.0.1"}));
}

}  // namespace
}  // namespace gatehouse
