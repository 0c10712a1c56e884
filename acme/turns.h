// Lets one coroutine after the other through, in the order of their coming.
#pragma once

#include "base/asio.h"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>

namespace gatehouse::acme {

// All of one thread.
class Turns {
 private:
  using Place = std::shared_ptr<asio::steady_timer>;  // woken when those before have gone
  using Line = std::deque<Place>;

 public:
  // Over when it is destroyed.
  class Turn {
   public:
    Turn(std::shared_ptr<Line> line, Place place) : line_(std::move(line)), place_(std::move(place)) {}
    Turn(Turn&&) = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    friend class Turns;
    std::shared_ptr<Line> line_;
    Place place_;
  };

  Awaitable<Turn> take();

 private:
  const std::shared_ptr<Line> line_ = std::make_shared<Line>();
};

}  // namespace gatehouse::acme
