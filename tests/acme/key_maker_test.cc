#include "acme/key_maker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

Awaitable<void> make(KeyMaker& maker, tls::KeyType type, std::optional<tls::KeyType>& made) {
  auto key = co_await maker.make(type);
  if (key) made = key->type();
}

TEST(KeyMaker, LeavesTheThreadToOthersWhileAnRsaKeyIsMade) {
  asio::io_context io;
  KeyMaker maker;
  std::optional<tls::KeyType> made;
  asio::co_spawn(io, make(maker, tls::KeyType::rsa2048, made), asio::detached);
  io.poll_one();
  EXPECT_FALSE(made) << "the step that asks for the key does not make it";
  io.run();
  EXPECT_EQ(made, tls::KeyType::rsa2048);
}

TEST(KeyMaker, MakesEcKeysAtOnce) {
  asio::io_context io;
  KeyMaker maker;
  std::optional<tls::KeyType> made;
  asio::co_spawn(io, make(maker, tls::KeyType::p384, made), asio::detached);
  io.poll_one();
  EXPECT_EQ(made, tls::KeyType::p384);
}

TEST(KeyMaker, MayBeStoppedWhileKeysAreMadeAndMakesThemHereAfterwards) {
  asio::io_context io;
  KeyMaker maker;
  std::optional<tls::KeyType> first, second, third;
  asio::co_spawn(io, make(maker, tls::KeyType::rsa2048, first), asio::detached);
  asio::co_spawn(io, make(maker, tls::KeyType::rsa2048, second), asio::detached);
  io.poll();
  maker.stop();
  asio::co_spawn(io, make(maker, tls::KeyType::rsa2048, third), asio::detached);
  io.run();
  EXPECT_EQ(third, tls::KeyType::rsa2048);
}

}  // namespace
}  // namespace gatehouse::acme
