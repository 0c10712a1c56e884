#include "acme/key_maker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>

namespace gatehouse::acme {
namespace {

using Made = std::shared_ptr<Result<tls::PrivateKey>>;  // what comes from another thread has to have a default

bool takes_long(tls::KeyType type) { return type != tls::KeyType::p256 && type != tls::KeyType::p384; }

Awaitable<Made> make_here(tls::KeyType type) {
  co_return std::make_shared<Result<tls::PrivateKey>>(tls::PrivateKey::make(type));
}

}  // namespace

Awaitable<Result<tls::PrivateKey>> KeyMaker::make(tls::KeyType type) {
  if (!thread_ || !takes_long(type)) co_return tls::PrivateKey::make(type);
  const Made made = co_await asio::co_spawn(*thread_, make_here(type), asio::use_awaitable);
  co_return std::move(*made);
}

}  // namespace gatehouse::acme
