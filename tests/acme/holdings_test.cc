#include "acme/holdings.h"

#include "tests/doubles/acme/plain_values.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

// A save takes the more rounds of the io_context the earlier it comes, so the later ones would overtake it.
class SlowStorage final : public Storage {
 public:
  struct Seen {
    std::vector<Record> saved;
    int rounds = 5, inside = 0, most_inside = 0;
  };
  explicit SlowStorage(Seen& seen) : seen_(seen) {}

  Awaitable<Result<Contents>> load() override { co_return Contents(); }
  Awaitable<Result<void>> save(Record record) override {
    seen_.most_inside = std::max(seen_.most_inside, ++seen_.inside);
    const int rounds = seen_.rounds--;
    for (int i = 0; i < rounds; ++i) co_await asio::post(asio::use_awaitable);
    seen_.saved.push_back(std::move(record));
    --seen_.inside;
    co_return Result<void>();
  }
  Awaitable<Result<void>> remove(RecordKind, std::string) override { co_return Result<void>(); }
  bool writable() const override { return true; }

 private:
  Seen& seen_;
};

Awaitable<void> keep_with_an_order(Holdings& holdings, std::string host) {
  note_order(holdings.ledger(test_ca), {name(host)}, OrderKind::first, new_year());
  auto kept = co_await holdings.keep_ledger(test_ca, new_year());
  EXPECT_TRUE(kept);
}

TEST(Holdings, saves_one_after_the_other_so_that_the_last_state_stays) {
  asio::io_context io;
  SlowStorage::Seen seen;
  Holdings holdings(std::make_unique<SlowStorage>(seen));
  for (const char* host : {"a.test", "b.test", "c.test"})
    asio::co_spawn(io, keep_with_an_order(holdings, host), asio::detached);
  io.run();
  EXPECT_EQ(seen.most_inside, 1);
  ASSERT_EQ(seen.saved.size(), 3u);
  EXPECT_EQ(ledger(seen.saved.back()).value().events.size(), 3u);
}

}  // namespace
}  // namespace gatehouse::acme
