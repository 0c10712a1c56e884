#include "tls/ticket_keys.h"

#include "tests/doubles/tls/tls_peer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace gatehouse::tls {
namespace {

using namespace std::chrono_literals;

TEST(TicketKeys, RotateEveryTwelveHoursAndKeepThree) {
  TicketKeys keys(test_now());
  const TicketKey first = keys.current()->front();
  EXPECT_FALSE(keys.rotate_if_due(test_now() + 12h - 1s));
  EXPECT_TRUE(keys.rotate_if_due(test_now() + 12h));
  EXPECT_FALSE(keys.rotate_if_due(test_now() + 12h));
  ASSERT_EQ(keys.current()->size(), 2u);
  EXPECT_NE(keys.current()->front().name, first.name);
  EXPECT_EQ(keys.current()->back().name, first.name);
  for (int i = 2; i < 6; ++i) EXPECT_TRUE(keys.rotate_if_due(test_now() + 12h * i));
  EXPECT_EQ(keys.current()->size(), TicketKeys::kept);
  for (const TicketKey& key : *keys.current()) EXPECT_NE(key.name, first.name);
}

TEST(TicketKeys, RotateWhenTheCalendarWentBack) {
  TicketKeys keys(test_now());
  EXPECT_TRUE(keys.rotate_if_due(test_now() - 1h));
  EXPECT_FALSE(keys.rotate_if_due(test_now() - 30min));
}

TEST(TicketKeys, AreReadWhileTheyRotate) {
  TicketKeys keys(test_now());
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      const auto set = keys.current();
      EXPECT_GE(set->size(), 1u);
      EXPECT_LE(set->size(), TicketKeys::kept);
    }
  });
  for (int i = 1; i <= 200; ++i) EXPECT_TRUE(keys.rotate_if_due(test_now() + 12h * i));
  done = true;
  reader.join();
}

}  // namespace
}  // namespace gatehouse::tls
