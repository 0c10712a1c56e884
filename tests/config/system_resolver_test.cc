#include "config/system_resolver.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <future>
#include <optional>

namespace gatehouse {
namespace {

using namespace asio::experimental::awaitable_operators;
using Answer = std::optional<Result<Addresses>>;

Awaitable<void> ask(SystemResolver& resolver, std::string name, Answer& answer) {
  answer = co_await resolver.resolve(name);
}

// A name server that says nothing until it is told to.
struct SilentServer {
  std::promise<void> asked, speaks, gone;  // gone: no thread has anything of this any more

  SystemResolver::LookUp look_up() {
    struct Held {
      std::promise<void>& gone;
      std::atomic<bool> first{true};
      ~Held() { gone.set_value(); }
    };
    return [this, held = std::make_shared<Held>(gone), until = speaks.get_future().share()](const std::string&) {
      if (held->first.exchange(false)) asked.set_value();
      until.wait();
      return Result<Addresses>(Addresses{asio::ip::make_address("192.0.2.1")});
    };
  }
};

TEST(SystemResolver, ResolvesLocalhostAndSaysWhatFails) {
  asio::io_context context;
  SystemResolver system;
  Answer local, wrong;
  asio::co_spawn(context, ask(system, "localhost", local), asio::detached);
  const std::string no_dns_name = std::string(70, 'a') + ".test";  // fails without asking anyone
  asio::co_spawn(context, ask(system, no_dns_name, wrong), asio::detached);
  context.run();
  ASSERT_TRUE(local && *local);
  EXPECT_TRUE((*local)->front().is_loopback());
  ASSERT_TRUE(wrong && !*wrong);
  EXPECT_FALSE(wrong->error().detail.empty());
}

TEST(SystemResolver, MoreQuestionsThanThreadsAreAllAnswered) {
  asio::io_context context;
  SystemResolver system([](const std::string& name) -> Result<Addresses> {
    return Failure(FailureKind::no_endpoint, "nothing of " + name);
  });
  std::vector<Answer> answers(10 * SystemResolver::threads);
  for (std::size_t i = 0; i < answers.size(); ++i)
    asio::co_spawn(context, ask(system, std::to_string(i), answers[i]), asio::detached);
  context.run();
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].value().error().detail, "nothing of " + std::to_string(i));
}

TEST(SystemResolver, NobodyWaitsForALookUpThatHangs) {
  SilentServer server;
  Answer answer;
  {
    asio::io_context context;
    SystemResolver system(server.look_up());
    asio::co_spawn(context, ask(system, "silent.test", answer), asio::detached);
    context.poll();
    server.asked.get_future().wait();
  }  // hangs here when it is waited for
  server.speaks.set_value();
  server.gone.get_future().wait();
  EXPECT_FALSE(answer);
}

TEST(SystemResolver, WhoAskedMayGiveUp) {
  SilentServer server;
  asio::io_context context;
  Answer answer;
  {
    SystemResolver system(server.look_up());
    asio::steady_timer given_up(context, TimePoint::min());
    auto impatient = [](SystemResolver& resolver, asio::steady_timer& until, Answer& told) -> Awaitable<void> {
      co_await (ask(resolver, "silent.test", told) || until.async_wait(asio::use_awaitable));
    };
    asio::co_spawn(context, impatient(system, given_up, answer), asio::detached);
    context.run();
    EXPECT_FALSE(answer && *answer);
    server.speaks.set_value();
  }
  server.gone.get_future().wait();
  context.restart();
  context.run();
  EXPECT_FALSE(answer && *answer);
}

}  // namespace
}  // namespace gatehouse
