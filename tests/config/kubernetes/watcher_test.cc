#include "config/kubernetes/watcher.h"

#include "tests/config/kubernetes/scripted_api.h"
#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;

class Told final : public WatchSink {
 public:
  std::string take() { return std::exchange(text_, ""); }
  void list_began() override { text_ += "began "; }
  void seen(const Value& object) override { text_ += "+" + name(object) + " "; }
  void gone(const Value& object) override { text_ += "-" + name(object) + " "; }
  void unreadable(const Value& beginning, const std::string& words) override {
    text_ += "!" + name(beginning) + "(" + words.substr(0, 8) + ") ";
  }
  void list_complete() override { text_ += "complete "; }
  void absent() override { text_ += "absent "; }
  void health_changed() override { text_ += "health "; }

 private:
  static std::string name(const Value& object) { return std::string(object["metadata"]["name"].text()); }
  std::string text_;
};

std::string object(const std::string& name, const std::string& version = "1") {
  return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + version + R"("}})";
}

class WatcherTest : public testing::Test {
 protected:
  ~WatcherTest() override {
    watcher.stop();
    api.run();
  }
  void start(bool watch_list) {
    abilities->watch_list = watch_list;
    asio::co_spawn(io, watcher.run(), [this](std::exception_ptr) { ended = true; });
    api.run();
  }
  void pass(Duration by) {
    clock.advance(by);
    api.run();
  }

  asio::io_context io;
  ManualClock clock;
  ScriptedApi api{io};
  Told told;
  std::shared_ptr<ServerAbilities> abilities = std::make_shared<ServerAbilities>();
  bool ended = false;
  Watcher watcher{
      {io.get_executor(), clock, api.stream(), std::make_shared<spdlog::logger>("quiet"), told, [] { return 0.0; }},
      {"/api/v1/secrets", "", "Secret", false},
      abilities};
};

TEST_F(WatcherTest, ListsThenWatches) {
  start(false);
  EXPECT_EQ(api.paths(), "/api/v1/secrets?resourceVersion=0\n");
  const std::string list =
      R"({"kind":"SecretList","metadata":{"resourceVersion":"10"},"items":[)" + object("a") + "," + object("b") + "]}";
  for (const char& byte : list) EXPECT_TRUE(api.send("secrets", {&byte, 1}));
  api.end("secrets");
  EXPECT_EQ(told.take(), "began +a +b complete ");
  EXPECT_TRUE(watcher.state().synced());
  EXPECT_TRUE(api.is_open("resourceVersion=10&timeoutSeconds=300"));
  api.send("secrets", api.event("MODIFIED", object("a", "11")) + api.event("DELETED", object("b", "12")));
  EXPECT_EQ(told.take(), "+a -b ");
  pass(5min);
  told.take();
  api.end("secrets");
  EXPECT_TRUE(api.is_open("resourceVersion=12"));
  EXPECT_EQ(told.take(), "");
}

TEST_F(WatcherTest, ACutListIsNeverComplete) {
  start(false);
  api.send("secrets", R"({"kind":"SecretList","metadata":{"resourceVersion":"10"},"items":[)" + object("a"));
  api.lose("secrets");
  EXPECT_EQ(told.take(), "began +a health ");
  pass(800ms);
  api.send("secrets", "<html>sign in, please</html>");
  api.end("secrets");
  EXPECT_EQ(told.take(), "began health ");
  EXPECT_FALSE(watcher.state().synced());
}

TEST_F(WatcherTest, FollowsAStreamedListAndForgetfulServers) {
  start(true);
  api.initial("secrets", {object("a"), object("b")});
  EXPECT_EQ(told.take(), "began +a +b complete ");
  EXPECT_FALSE(api.send("secrets", api.event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})") +
                                       api.event("ADDED", object("never"))));
  api.end("secrets");
  EXPECT_EQ(told.take(), "");
  pass(800ms);
  EXPECT_EQ(told.take(), "began ");
  EXPECT_TRUE(api.is_open("sendInitialEvents=true"));
}

TEST_F(WatcherTest, ListsWhenTheMarkDoesNotCome) {
  start(true);
  api.send("secrets", api.event("ADDED", object("a")));
  pass(9s);
  EXPECT_TRUE(api.is_open("sendInitialEvents"));
  api.send("secrets", api.event("ADDED", object("b")));
  pass(9s);
  EXPECT_TRUE(api.is_open("sendInitialEvents"));
  pass(1s);
  EXPECT_EQ(api.paths(), "/api/v1/secrets?resourceVersion=0\n");
  EXPECT_FALSE(abilities->watch_list);
  EXPECT_EQ(told.take(), "began +a +b began ");
}

TEST_F(WatcherTest, ObjectsThatCannotBeReadCostThemselves) {
  start(true);
  api.send("secrets", api.event("ADDED", R"({"metadata":{"name":"bad"},"x":nonsense})") +
                          api.event("ADDED", R"({"metadata":{"name":"huge","resourceVersion":"4"},"x":")" +
                                                 std::string(largest_object, 'x') + "\"}") +
                          api.event("ADDED", "{\"metadata\":{\"name\":\"bytes\"},\"x\":\"\xff\"}") +
                          api.event("ADDED", object("good")));
  EXPECT_EQ(told.take(), "began !bad(not JSON) !huge(larger t) !bytes(not JSON) +good ");
}

TEST_F(WatcherTest, GarbageInAWatchListsAgain) {
  start(true);
  api.initial("secrets", {object("a")});
  told.take();
  EXPECT_FALSE(api.send("secrets", "not json\n"));
  api.end("secrets");
  EXPECT_EQ(told.take(), "health ");
  pass(800ms);
  EXPECT_TRUE(api.is_open("sendInitialEvents"));
}

TEST_F(WatcherTest, AWatchThatStandsIsWellThoughItSaysNothing) {
  start(true);
  api.initial("secrets", {});
  told.take();
  api.lose("secrets");
  EXPECT_EQ(watcher.state().health(), ListWatch::Health::away);
  pass(800ms);
  EXPECT_TRUE(api.is_open("resourceVersion=10"));
  pass(19s);
  EXPECT_EQ(watcher.state().health(), ListWatch::Health::away);
  pass(1s);
  EXPECT_EQ(watcher.state().health(), ListWatch::Health::good);
  EXPECT_EQ(told.take(), "health health ");
}

TEST_F(WatcherTest, StopsAtOnce) {
  start(true);
  api.send("secrets", api.event("ADDED", object("a")));
  told.take();
  watcher.stop();
  EXPECT_FALSE(api.send("secrets", api.event("ADDED", object("b"))));
  api.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(api.open(), 0u);
  EXPECT_EQ(told.take(), "");
}

TEST_F(WatcherTest, StopsWhileItWaits) {
  start(true);
  api.lose("secrets");
  EXPECT_EQ(api.open(), 0u);
  watcher.stop();
  api.run();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace gatehouse::kubernetes
