#include "base/turns.h"

#include "tests/doubles/connected_streams.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse {
namespace {

// Says its name for each piece of its work.
struct Busy final : Turns::Party {
  Busy(std::string& w, char n, int p) : words(w), name(n), pieces(p) {}
  bool take_turn() override {
    words += name;
    return --pieces > 0;
  }
  std::string& words;
  const char name;
  int pieces;
};

// What is ready all the time: it says so once in each round of the loop, and ends with the work.
void say_ready(asio::io_context& io, std::string& words, std::size_t until) {
  if (words.size() >= until) return;
  words += '.';
  asio::post(io, [&io, &words, until] { say_ready(io, words, until); });
}

TEST(Turns, SoManyPiecesAreDoneBetweenTwoLooksAtWhatIsReady) {
  asio::io_context io{1};
  Turns turns(io, 2);
  std::string words;
  Busy work(words, 'a', 6);
  turns.join(work);
  say_ready(io, words, 9);
  io.run();
  EXPECT_EQ(words, ".aa.aa.aa");
}

TEST(Turns, PartiesGoOneAfterAnother) {
  asio::io_context io{1};
  Turns turns(io, 1);
  std::string words;
  Busy many(words, 'a', 4), two(words, 'b', 2), one(words, 'c', 1);
  turns.join(many);
  turns.join(two);
  turns.join(many);  // it waits already
  turns.join(one);
  io.run();
  EXPECT_EQ(words, "abcabaa");
}

TEST(Turns, WhoIsGoneIsNotAsked) {
  asio::io_context io{1};
  Turns turns(io, 1);
  std::string words;
  Busy stays(words, 'b', 2);
  {
    Busy leaves(words, 'a', 2);
    turns.join(leaves);
    turns.join(stays);
  }
  io.run();
  EXPECT_EQ(words, "bb");
  turns.join(stays);  // anew, when all has come to rest
  io.restart();
  io.run();
  EXPECT_EQ(words, "bbb");
}

Awaitable<void> take(TurnsByAddress& turns, const char* address, std::string& words, char name) {
  co_await turns.next(asio::ip::make_address(address));
  words += name;
}

TEST(TurnsByAddress, ManyOfOneAddressAreNoBetterOffThanOneOfAnother) {
  asio::io_context io{1};
  TurnsByAddress turns(io, 1);
  std::string words;
  const auto wait = [&](const char* address, char name) {
    asio::co_spawn(io, take(turns, address, words, name), [](std::exception_ptr) {});
  };
  for (int i = 0; i < 4; ++i) wait("192.0.2.1", 'a');
  wait("2001:db8:0:1::1", 'b');
  wait("2001:db8:0:1:ffff::2", 'c');  // the same site
  wait("2001:db8:0:2::1", 'd');
  io.run();
  EXPECT_EQ(words, "abdacaa");
  wait("192.0.2.1", 'e');
  io.restart();
  io.run();
  EXPECT_EQ(words, "abdacaae");
}

TEST(TurnsByAddress, OneIsWokenInARound) {
  asio::io_context io{1};
  TurnsByAddress turns(io, 1);
  std::string words;
  for (int i = 0; i < 3; ++i) asio::co_spawn(io, take(turns, "192.0.2.1", words, 'a'), [](std::exception_ptr) {});
  say_ready(io, words, 12);
  io.run();
  EXPECT_EQ(words.find("aa"), std::string::npos) << words;
  EXPECT_EQ(std::ranges::count(words, 'a'), 3) << words;
}

}  // namespace
}  // namespace gatehouse
